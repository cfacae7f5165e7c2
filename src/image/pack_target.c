/* SPDX-License-Identifier: Apache-2.0 */
/* What `run` made in a container's own directory to mount on, which is no work of the container:
 * empty, and not in the image. Docker keeps such things in a layer of their own. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "image/pack_private.h"

static bool listed(const char *path, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(path, list[i]) == 0)
			return true;
	return false;
}

bool pack_may_be_target(const char *path, const struct stat *st)
{
	static const char *const files[] = { "etc/hosts", "etc/hostname", "etc/resolv.conf" };
	static const char *const folders[] = { "proc", "sys", "dev" };

	if (S_ISREG(st->st_mode))
		return st->st_size == 0 && listed(path, files, ARRAY_SIZE(files));
	return S_ISDIR(st->st_mode) && listed(path, folders, ARRAY_SIZE(folders));
}

bool pack_below(const struct strv *lower, const char *path, struct stat *ret)
{
	for (size_t i = lower->n; i > 0; i--) {
		autofd int dir = open(lower->v[i - 1], O_PATH | O_DIRECTORY | O_CLOEXEC);
		autofd int fd = -EBADF;
		struct err ignored = ERR_INIT; /* not there */

		if (dir < 0)
			continue;
		fd = fs_open_in(dir, path, O_PATH | O_NOFOLLOW, 0, &ignored);
		if (fd >= 0 && fstat(fd, ret) == 0)
			return !(S_ISCHR(ret->st_mode) && ret->st_rdev == 0);
	}
	return false;
}
