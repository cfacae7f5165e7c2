/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"

#define LINKS_MAX 10

/* Where the symlink at path points, as a path inside root. -EINVAL when it is none. */
static int link_end(int root, const char *path, char ret[PATH_MAX])
{
	struct err none;
	autofd int link = fs_open_in(root, path, O_PATH | O_NOFOLLOW, 0, &none);
	char text[PATH_MAX];
	const char *slash = strrchr(path, '/');
	ssize_t n;

	if (link < 0)
		return link;
	n = readlinkat(link, "", text, sizeof(text) - 1);
	if (n < 0)
		return -EINVAL; /* not a symlink; older kernels say ENOENT */
	text[n] = '\0';
	if (text[0] == '/' || !slash)
		return snprintf(ret, PATH_MAX, "%s", text) < PATH_MAX ? 0 : -ENAMETOOLONG;
	return snprintf(ret, PATH_MAX, "%.*s/%s", (int)(slash - path), path, text) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

int target_open(int root, const char *path, bool want_dir, struct err *err)
{
	char at[PATH_MAX], next[PATH_MAX];

	if (snprintf(at, sizeof(at), "%s", path) >= (int)sizeof(at))
		return err_set(
			err, -ENAMETOOLONG, "mount target is longer than %d bytes", PATH_MAX);
	for (int i = 0; i < LINKS_MAX; i++) {
		int fd = fs_target_in(root, at, want_dir, err);

		if (fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR && fd != -EEXIST))
			return fd;
		if (link_end(root, at, next) < 0)
			return fd;
		memcpy(at, next, strlen(next) + 1);
	}
	return err_set(err, -ELOOP, "mount target '%s': too many symlinks", path);
}
