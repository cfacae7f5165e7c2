/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The archive's names for "not here any more" (image-spec, layer.md) become overlayfs' marks. A mark
 * hides what is below the layer and never touches what the layer itself holds, so the order of entries
 * does not matter and a whiteout cannot delete anything. Nothing named .wh.* is ever created.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "image/unpack.h"

#define PREFIX     ".wh."
#define PREFIX_LEN 4
#define SPECIAL    ".wh..wh."
#define OPAQUE     ".wh..wh..opq"

static int refuse(const char *path, struct err *err)
{
	return err_set(err, -EINVAL, "'%.200s' is not a possible whiteout", path);
}

int whiteout_parse(const char *path, enum unpack_type type, enum whiteout *ret,
	const char **ret_name, struct err *err)
{
	const char *base = strrchr(path, '/');
	const char *s = path;
	bool file = type == UNPACK_FILE || type == UNPACK_HARDLINK;

	base = base ? base + 1 : path;
	*ret = WHITEOUT_NONE;
	/* AUFS keeps its own book in such names; only the opaque mark has a meaning for others. */
	if (strncmp(base, SPECIAL, strlen(SPECIAL)) == 0 && strcmp(base, OPAQUE) != 0) {
		*ret = WHITEOUT_IGNORE;
		return 0;
	}
	while (s < base) {
		if (strncmp(s, SPECIAL, strlen(SPECIAL)) == 0) {
			*ret = WHITEOUT_IGNORE;
			return 0;
		}
		if (strncmp(s, PREFIX, PREFIX_LEN) == 0)
			return refuse(path, err);
		s = strchr(s, '/') + 1;
	}
	if (strncmp(base, PREFIX, PREFIX_LEN) != 0)
		return 0;
	*ret_name = base + PREFIX_LEN;
	if (!file || !**ret_name || strcmp(*ret_name, ".") == 0 || strcmp(*ret_name, "..") == 0)
		return refuse(path, err);
	*ret = strcmp(base, OPAQUE) == 0 ? WHITEOUT_OPAQUE : WHITEOUT_NAME;
	return 0;
}

static int set_opaque(int dir, const char *value, struct err *err)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsetxattr(fd, "user.overlay.opaque", value, 1, 0) < 0)
		return fs_err(err, dir, "mark a directory as opaque (extended attribute)");
	return 0;
}

int whiteout_opaque(struct writer *w, int dir, struct err *err)
{
	if (dir == w->root)
		w->opaque_root = true;
	return set_opaque(dir, "y", err);
}

bool whiteout_is(const struct writer *w, int dir, const char *name)
{
	autofd int fd = -EBADF;
	struct stat st;
	char value;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	if (S_ISCHR(st.st_mode))
		return true;
	if (!w->no_mknod || !S_ISREG(st.st_mode) || st.st_size > 0)
		return false;
	fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fgetxattr(fd, "user.overlay.whiteout", &value, 1) >= 0;
}

/* The form for kernels and file systems where mknod is refused; its directory says that such ones
 * are in it, unless it is opaque, where a whiteout has nothing to hide. */
static int name_by_xattr(int dir, const char *name, struct err *err)
{
	autofd int here = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autofd int fd = -EBADF;
	char value;

	if (here < 0)
		return err_sys(err, "open a directory of the layer");
	if (fgetxattr(here, "user.overlay.opaque", &value, 1) == 1 && value == 'y')
		return 0;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0 || fsetxattr(fd, "user.overlay.whiteout", "y", 1, 0) < 0)
		return fs_err(err, dir, "make a whiteout (extended attribute)");
	return set_opaque(dir, "x", err);
}

int whiteout_name(struct writer *w, int dir, const char *name, struct err *err)
{
	autofd int fd = -EBADF;

	if (!w->no_mknod) {
		if (mknodat(dir, name, S_IFCHR, makedev(0, 0)) == 0)
			return 0;
		if (errno != EEXIST && errno != EPERM)
			return fs_err(err, dir, name);
		if (errno == EPERM)
			w->no_mknod = true;
	}
	/* The layer's own directory of that name replaces the one below instead of joining it. */
	fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return set_opaque(fd, "y", err);
	return w->no_mknod ? name_by_xattr(dir, name, err) : 0;
}
