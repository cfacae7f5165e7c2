/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much more can be written somewhere: what the file system has free, and what the caller's quotas
 * leave of that (quotactl(2); Linux 5.14, before that a quota is told when it is hit). Project quotas are
 * in what the file system tells; those of an NFS server cannot be asked for.
 */
#ifndef SBX_BASE_SPACE_H
#define SBX_BASE_SPACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/quota.h>

#include "base/err.h"

struct space {
	uint64_t bytes, inodes;         /* UINT64_MAX: no bound is known */
	bool bytes_quota, inodes_quota; /* it is a quota that bounds them, not the disk */
};

/* -errno. */
int space_ask(int fd, struct space *ret);

/* What a quota leaves, where it leaves less than *space says. Pure. */
void space_limit(struct space *space, const struct dqblk *quota);

#endif
