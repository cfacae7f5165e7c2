/* SPDX-License-Identifier: Apache-2.0 */
/* The host side of a plan: directories that must exist before the child can mount them. */
#include "rootfs/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"

/* upper is what the container sees as "/": its mode is the image root's, not the caller's umask. */
static int make_dir(int dir, const char *name, mode_t mode, struct err *err)
{
	if (mkdirat(dir, name, 0700) < 0) {
		if (errno == EEXIST)
			return 0;
		return fs_err(err, dir, name);
	}
	if (fchmodat(dir, name, mode, 0) < 0)
		return err_sys(err, "chmod '%s'", name);
	return 0;
}

static mode_t root_mode(const struct rootfs *rootfs)
{
	struct stat st;

	if (rootfs->layers.n == 0 || stat(rootfs->layers.v[rootfs->layers.n - 1], &st) < 0)
		return 0755;
	return st.st_mode & 0777;
}

/* The overlay leaves work/incompat/volatile behind to say that the upper directory may be torn after
 * a power cut; the next mount is refused until it is gone (overlayfs.rst, "Volatile mount"). */
static int clear_volatile(int dir, struct err *err)
{
	autofd int work = openat(dir, "work/work", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (work < 0)
		return 0; /* never mounted, or by the fuse driver */
	/* The kernel makes it with mode 000, and here there is no capability to look past that. */
	if (fchmodat(dir, "work/work", 0700, 0) < 0)
		return err_sys(err, "open up the overlay's work directory");
	return fs_remove_tree(work, "incompat", err);
}

static const char *parent_denied(const char *path, char *ret, size_t size)
{
	(void)snprintf(ret, size, "%s", path);
	for (char *p = ret + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (access(ret, X_OK) < 0 && errno == EACCES)
			return ret;
		*p = '/';
	}
	return NULL;
}

static int check_source(const struct mount_op *op, struct err *err)
{
	char parent[4096];
	struct stat st;

	if (stat(op->source, &st) == 0)
		return 0;
	if (errno == ENOENT && op->create_source) {
		if (fs_mkdirs(op->source, op->kind == OP_VOLUME ? 0700 : 0755, err) < 0)
			return err_exit(err, (err_wrap(err, "create the mount source"), 125));
		if (op->kind == OP_VOLUME && chmod(op->source, 0755) < 0)
			return err_sys(err, "chmod '%s'", op->source);
		return 0;
	}
	if (errno == EACCES && parent_denied(op->source, parent, sizeof(parent)))
		return err_id(err, -EACCES, "E-BIND-PARENT",
			"cannot reach '%s': you may not enter '%s'. A rootless container has your own "
			"rights on the host, no more",
			op->source, parent);
	if (errno == ENOENT)
		return err_set(err, -ENOENT,
			"invalid mount: bind source path does not exist: %s (-v would create it)",
			op->source);
	return err_sys(err, "mount source '%s'", op->source);
}

int rootfs_prepare(const struct rootfs *rootfs, struct err *err)
{
	autofd int dir = open(rootfs->container, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open '%s'", rootfs->container);
	TRY(make_dir(dir, "upper", root_mode(rootfs), err));
	TRY(make_dir(dir, "work", 0700, err));
	TRY(clear_volatile(dir, err));
	for (size_t i = 0; i < rootfs->n_ops; i++)
		if ((rootfs->ops[i].kind == OP_BIND && !rootfs->ops[i].generated) ||
			rootfs->ops[i].kind == OP_VOLUME)
			TRY(check_source(&rootfs->ops[i], err));
	return 0;
}
