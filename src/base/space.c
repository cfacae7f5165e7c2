/* SPDX-License-Identifier: Apache-2.0 */
#include "base/space.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"

/* QCMD() shifts an int out of its range. */
#define GET_QUOTA(type) ((unsigned)Q_GETQUOTA << SUBCMDSHIFT | (unsigned)(type))

static uint64_t left(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

void space_limit(struct space *space, const struct dqblk *quota)
{
	uint64_t bytes = left(quota->dqb_bhardlimit * 1024, quota->dqb_curspace);
	uint64_t inodes = left(quota->dqb_ihardlimit, quota->dqb_curinodes);

	if (quota->dqb_bhardlimit && bytes < space->bytes) {
		space->bytes = bytes;
		space->bytes_quota = true;
	}
	if (quota->dqb_ihardlimit && inodes < space->inodes) {
		space->inodes = inodes;
		space->inodes_quota = true;
	}
}

int space_ask(int fd, struct space *ret)
{
	const struct {
		int type;
		unsigned id;
	} owners[] = { { USRQUOTA, geteuid() }, { GRPQUOTA, getegid() } };
	struct space space;
	struct statvfs vfs;

	if (fstatvfs(fd, &vfs) < 0)
		return -errno;
	space = (struct space){ /* a file system without blocks, as ramfs, has no bound */
		.bytes = vfs.f_blocks ? (uint64_t)vfs.f_bavail * vfs.f_frsize : UINT64_MAX,
		.inodes = vfs.f_files ? vfs.f_favail : UINT64_MAX
	};
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		struct dqblk quota = { 0 };

		if (sys_quotactl_fd(fd, GET_QUOTA(owners[i].type), owners[i].id, &quota) == 0)
			space_limit(&space, &quota);
	}
	*ret = space;
	return 0;
}
