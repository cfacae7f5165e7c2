/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a container's process is: "name", "uid", "user:group" → ids, groups and home, from the image's own
 * /etc/passwd and /etc/group. One parser for the image's User, `run -u` and `exec -u`.
 *
 * Numbers are strict decimals in 0…4294967294 and are never tried as names; a name is never taken for a
 * number. Both files are hostile: opened inside the rootfs without blocking, regular files of at most
 * 1 MiB only; no NSS, nothing of the image is loaded.
 */
#ifndef SBX_PROCESS_USER_H
#define SBX_PROCESS_USER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"
#include "process/exec.h"
#include "process/identity.h"

struct user {
	uid_t uid;
	gid_t gid;
	gid_t *groups;   /* for setgroups(2): the primary group first, no duplicates. Owned */
	size_t n_groups; /* at least 1 */
	char *home;      /* never NULL, "/" when passwd names none. Owned */
	char *name;      /* NULL when the uid has no entry. Owned */
};
#define USER_INIT \
	{         \
		0 \
	}
#define autouser __attribute__((cleanup(user_done)))
void user_done(struct user *user);

/* spec: NULL or "" is uid 0. Without an explicit group the passwd entry's group (0 without entry) and
 * the groups that list the user; group_add (may be NULL) comes on top, by name or number. rootfs: a
 * directory descriptor. Missing passwd or group files are empty. -EINVAL, -ENOENT (no such user or
 * group; the texts are Docker's), -EFBIG, -ELOOP … */
int user_resolve(int rootfs, const char *spec, const struct strv *group_add, struct user *ret,
	struct err *err);

/* setgroups (unless the caller's groups are kept), setresgid, setresuid, in that order. In a namespace that denies setgroups (single id)
 * the groups stay as they are. -EINVAL with an explanation for ids that the namespace lacks. */
int user_become(const struct user *user, enum keep_groups keep, struct err *err);

/* *user as it is said to be where its ids need not exist. */
void user_identity(const struct user *user, struct identity *ret);

/* 1: strict number in *ret; 0: can only be a name; -EINVAL: neither (looks like a number that is out
 * of range, signed, hexadecimal, or holds bytes no name has). Pure. */
int user_parse_id(const char *text, uint32_t *ret);

#endif
