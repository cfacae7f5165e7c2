/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/target.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"

int target_open(int root, const char *path, bool want_dir, struct err *err)
{
	char end[PATH_MAX];
	int fd = fs_target_in(root, path, want_dir, err);

	if (fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR && fd != -EEXIST && fd != -ELOOP))
		return fd;
	TRY(fs_resolve_in(root, path, end, err));
	return strcmp(end, path) == 0 ? fd : fs_target_in(root, end, want_dir, err);
}
