/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a process of a container with a single id is said to be. For the kernel all of them are the one id there
 * is; the answers to get*id, set*id, chown and stat come from here and fit together, so that an entry point
 * which becomes another user finds that it has. It is no wall: every process keeps the rights of the one id.
 */
#ifndef SBX_PROCESS_IDENTITY_H
#define SBX_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define IDENTITY_GROUPS 64
#define IDENTITY_MAX    16384

enum { IDENTITY_REAL, IDENTITY_EFFECTIVE, IDENTITY_SAVED, IDENTITY_KINDS };

struct identity {
	uid_t uid[IDENTITY_KINDS];
	gid_t gid[IDENTITY_KINDS];
	uint32_t keep;       /* PR_SET_KEEPCAPS: rights stay when no id is 0 any more */
	uint32_t privileged; /* kept that way, until the next execve */
	uint32_t n_groups;
	gid_t groups[IDENTITY_GROUPS];
};

/* The same id in all three places. */
void identity_init(struct identity *who, uid_t uid, gid_t gid);

/* A call of the setuid family, as the kernel would judge it by these ids alone: 0 or a positive result and
 * *who changed, -EPERM, -EINVAL. -ENOSYS: not one of them. setgroups is identity_set_groups(). Pure. */
int identity_set(struct identity *who, int call, const uint64_t args[6]);
void identity_keep(struct identity *who, bool keep);
void identity_execute(struct identity *who);
int identity_set_groups(struct identity *who, const gid_t *groups, size_t n);
bool identity_in_group(const struct identity *who, gid_t gid);

/* May `who` give a file of `owner` to uid and gid ((uid_t)-1: as it is)? 0 or -EPERM. Pure. */
int identity_may_chown(const struct identity *who, uid_t owner, gid_t group, uid_t uid, gid_t gid);

/* Identities by number, each once; 0 is the first. Numbers stay. -ENOSPC: IDENTITY_MAX of them. */
struct identity_table {
	size_t n;
	struct identity list[IDENTITY_MAX];
};
int identity_number(struct identity_table *table, const struct identity *who);

#endif
