/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount needs something to be mounted on, and what an image lacks (/proc, /etc/hosts, the target of a
 * --mount) is made in the upper directory. It is no part of the layer: here it is taken away again if it is
 * still as it was made, an empty file or directory. A directory on the way that then holds nothing and
 * is what the layer below has, is no change either.
 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/kept.h"
#include "base/own.h"
#include "base/xalloc.h"

/* The directory that holds path (without leading "/"), reached without a symlink. */
static int open_parent(const char *top, const char *path, const char **ret_base)
{
	autofree char *copy = xstrdup(path);
	autofd int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *rest = copy, *slash;

	while (fd >= 0 && (slash = strchr(rest, '/')) != NULL) {
		int next;

		*slash = '\0';
		next = openat(fd, rest, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		(void)close(fd);
		fd = next;
		rest = slash + 1;
	}
	*ret_base = path + (rest - copy);
	return move_fd(&fd);
}

/* With a single id its owner may be kept beside it. */
static void show_kept(int dir, const char *name, struct stat *st)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		kept_read(fd, st);
}

/* What the layers below show at path; false: nothing. */
static bool below(const struct rootfs *rootfs, const char *path, struct stat *ret)
{
	for (size_t i = rootfs->layers.n; i-- > 0;) {
		const char *base;
		autofd int dir = open_parent(rootfs->layers.v[i], path, &base);

		if (dir < 0 || fstatat(dir, base, ret, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		show_kept(dir, base, ret);
		return !(S_ISCHR(ret->st_mode) && ret->st_rdev == 0);
	}
	return false;
}

static bool opaque(int dir, const char *name)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char value = 0;

	return fd < 0 || (fgetxattr(fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y');
}

static bool same_dir(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

/* True when it is gone. */
static bool remove_stub(const struct rootfs *rootfs, const char *upper, const char *path, bool way)
{
	struct stat st, old;
	const char *base;
	autofd int dir = open_parent(upper, path, &base);
	bool had;

	if (dir < 0 || fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	show_kept(dir, base, &st);
	had = below(rootfs, path, &old);
	if (S_ISREG(st.st_mode) && !way)
		return !had && st.st_size == 0 && unlinkat(dir, base, 0) == 0;
	if (!S_ISDIR(st.st_mode) || opaque(dir, base) || (had && !same_dir(&st, &old)))
		return false;
	return unlinkat(dir, base, AT_REMOVEDIR) == 0; /* only when it is empty */
}

void stubs_remove(const struct rootfs *rootfs, const char *upper)
{
	for (size_t i = rootfs->n_ops; i-- > 0;) {
		const struct mount_op *op = &rootfs->ops[i];
		autofree char *path = NULL;
		bool way = false;
		char *slash;

		if (op->kind == OP_ROOT || op->kind == OP_MASK || op->kind == OP_READONLY ||
			strcmp(op->target, "/") == 0)
			continue;
		path = xstrdup(op->target + 1);
		do { /* it, then what is on the way to it */
			(void)remove_stub(rootfs, upper, path, way);
			way = true;
			slash = strrchr(path, '/');
			if (slash)
				*slash = '\0';
		} while (slash);
	}
}
