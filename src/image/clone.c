/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer on a second base. Layers are never written to, so two directories may share the files; only
 * directories are made anew. Two descriptors are open per level of depth. Fails where files have too many
 * links already (EMLINK) or the tree is too deep, and leaves nothing then.
 */
#include "image/clone.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/strv.h"
#include "base/xalloc.h"
#include "image/store_private.h"

static int open_dir(int dir, const char *name, struct err *err)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? fs_err(err, dir, name) : fd;
}

static int names_in(int dir, struct strv *ret, struct err *err)
{
	autofd int fd = open_dir(dir, ".", err);
	autodir DIR *stream = NULL;

	TRY(fd);
	stream = fdopendir(fd);
	if (!stream)
		return err_sys(err, "read a layer");
	(void)move_fd(&fd); /* the stream's now */
	errno = 0;
	for (struct dirent *e = readdir(stream); e; e = readdir(stream))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strv_add(ret, e->d_name);
	return errno ? err_sys(err, "read a layer") : 0;
}

static int copy_xattr(int from, int to, const char *name, struct err *err)
{
	ssize_t size = fgetxattr(from, name, NULL, 0);
	autofree char *value = size < 0 ? NULL : xmalloc((size_t)size + 1);

	if (size >= 0)
		size = fgetxattr(from, name, value, (size_t)size);
	if (size < 0 || fsetxattr(to, name, value, (size_t)size, 0) < 0)
		return err_sys(err, "copy the attribute %s", name);
	return 0;
}

/* Those of the layers' own form and of the image are all user.*; a file system may show others. */
static int copy_xattrs(int from, int to, struct err *err)
{
	ssize_t size = flistxattr(from, NULL, 0);
	autofree char *list = size > 0 ? xmalloc((size_t)size) : NULL;

	if (size > 0)
		size = flistxattr(from, list, (size_t)size);
	if (size < 0)
		return errno == ENOTSUP ? 0 : err_sys(err, "list attributes");
	for (const char *name = list; name < list + size; name += strlen(name) + 1)
		if (strncmp(name, "user.", 5) == 0)
			TRY(copy_xattr(from, to, name, err));
	return 0;
}

static int finish_dir(int from, int to, const struct stat *st, struct err *err)
{
	const struct timespec times[2] = { st->st_mtim, st->st_mtim };

	TRY(copy_xattrs(from, to, err));
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0 ||
		futimens(to, times) < 0)
		return err_sys(err, "copy a directory's owner and mode");
	return 0;
}

static int clone_into(int from, int to, struct err *err);

static int clone_one(int from, int to, const char *name, struct err *err)
{
	autofd int below = -EBADF, copy = -EBADF;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fs_err(err, from, name);
	if (!S_ISDIR(st.st_mode))
		return linkat(from, name, to, name, 0) < 0 ? fs_err(err, to, name) : 0;
	if (mkdirat(to, name, 0700) < 0)
		return fs_err(err, to, name);
	below = open_dir(from, name, err);
	TRY(below);
	copy = open_dir(to, name, err);
	TRY(copy);
	return clone_into(below, copy, err);
}

static int clone_into(int from, int to, struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_sys(err, "read a layer");
	TRY(names_in(from, &names, err));
	strv_each (name, &names)
		TRY(clone_one(from, to, *name, err));
	return finish_dir(from, to, &st, err);
}

static int clone_all(const struct layer_clone *c, struct err *err)
{
	autofd int from = open_dir(c->from_dir, c->from, err), to = -EBADF;

	TRY(from);
	if (mkdirat(c->to_dir, c->to, 0700) < 0)
		return fs_err(err, c->to_dir, c->to);
	to = open_dir(c->to_dir, c->to, err);
	TRY(to);
	return clone_into(from, to, err);
}

static int clone_child(void *data, struct err *err)
{
	const struct layer_clone *c = data;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files); /* else trees may be less deep */
	}
	TRY(fs_remove_tree(c->to_dir, c->to, err));
	if (clone_all(c, err) >= 0)
		return 0;
	(void)fs_remove_tree(c->to_dir, c->to, &(struct err)ERR_INIT); /* or the next one does */
	return err->code;
}

int layer_clone(const struct layer_clone *clone, struct err *err)
{
	struct layer_clone copy = *clone;

	if (store_run_inside(clone->store, clone_child, &copy, err) < 0)
		return err_wrap(err, "use a layer on another base");
	return 0;
}
