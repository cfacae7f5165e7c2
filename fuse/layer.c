/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers that are directories of the host. Handles are O_PATH descriptors; every name is resolved
 * as one component below one of them with O_NOFOLLOW, so nothing in a layer, swapped underneath or
 * not, leads out of it. What was a regular file when it was looked up is checked again when opened.
 */
#include "layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "beside.h"

#include "base/own.h"

const char *layer_proc_path(char *buf, struct at at)
{
	if (*at.name)
		(void)snprintf(buf, LAYER_PATH_MAX, "/proc/self/fd/%d/%s", at.dir, at.name);
	else
		(void)snprintf(buf, LAYER_PATH_MAX, "/proc/self/fd/%d", at.dir);
	return buf;
}

static int dir_open_dir(struct layer *layer, struct at at)
{
	int fd = openat(
		at.dir, *at.name ? at.name : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void dir_close_dir(struct layer *layer, int handle)
{
	(void)close(handle); /* O_PATH: nothing to lose */
}

static int dir_stat(struct layer *layer, struct at at, struct stat *ret)
{
	if (fstatat(at.dir, at.name, ret, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT) <
		0)
		return -errno;
	return 0;
}

static int dir_open_file(struct layer *layer, struct at at)
{
	char path[LAYER_PATH_MAX];
	int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int fd;

	if (*at.name)
		fd = openat(at.dir, at.name, flags | O_NOFOLLOW);
	else
		fd = open(layer_proc_path(path, at), flags);
	if (fd < 0)
		return errno == ELOOP ? -ESTALE : -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return -ESTALE;
	}
	return fd;
}

static int dir_pin(struct layer *layer, struct at at)
{
	int fd = *at.name ? openat(at.dir, at.name, O_PATH | O_NOFOLLOW | O_CLOEXEC)
			  : fcntl(at.dir, F_DUPFD_CLOEXEC, 3);

	return fd < 0 ? -errno : fd;
}

static ssize_t dir_readlink(struct layer *layer, struct at at, char *buf, size_t size)
{
	ssize_t n = readlinkat(at.dir, at.name, buf, size);

	return n < 0 ? -errno : n;
}

static ssize_t dir_getxattr(
	struct layer *layer, struct at at, const char *key, void *buf, size_t size)
{
	char path[LAYER_PATH_MAX];
	ssize_t n;

	if (*at.name)
		n = lgetxattr(layer_proc_path(path, at), key, buf, size);
	else
		n = getxattr(layer_proc_path(path, at), key, buf, size);
	return n < 0 ? -errno : n;
}

static ssize_t dir_listxattr(struct layer *layer, struct at at, char *buf, size_t size)
{
	char path[LAYER_PATH_MAX];
	ssize_t n;

	if (*at.name)
		n = llistxattr(layer_proc_path(path, at), buf, size);
	else
		n = listxattr(layer_proc_path(path, at), buf, size);
	return n < 0 ? -errno : n;
}

static int dir_list(struct layer *layer, int handle, layer_list_fn fn, void *data)
{
	autodir DIR *dir = NULL;
	autofd int fd = openat(handle, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir)
		return -errno;
	(void)move_fd(&fd);
	while (r == 0) {
		errno = 0;
		const struct dirent *e = readdir(dir);
		if (!e)
			return -errno;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = fn(data, &(struct layer_entry){ e->d_name, e->d_ino, e->d_type });
	}
	return r;
}

static void dir_free(struct layer *layer)
{
	(void)close(layer->root);
	beside_free(layer->beside);
	free(layer);
}

const struct layer_ops layer_dir_ops = {
	.open_dir = dir_open_dir,
	.close_dir = dir_close_dir,
	.stat = dir_stat,
	.open_file = dir_open_file,
	.pin = dir_pin,
	.readlink = dir_readlink,
	.getxattr = dir_getxattr,
	.listxattr = dir_listxattr,
	.list = dir_list,
	.free = dir_free,
};

int layer_new_dir(int adopt_fd, struct layer **ret, struct err *err)
{
	autofd int fd = adopt_fd;
	struct layer *layer;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat layer");
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "a layer must be a directory");
	layer = calloc(1, sizeof(*layer));
	if (!layer)
		return err_set(err, -ENOMEM, "out of memory");
	layer->ops = &layer_dir_ops;
	layer->dev = st.st_dev;
	layer->root = move_fd(&fd);
	*ret = layer;
	return 0;
}

void layer_free(struct layer *layer)
{
	if (layer)
		layer->ops->free(layer);
}
