/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_layer.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct memory_layer {
	struct layer layer;
	const struct memory_file *files;
};

enum { ROOT = 0 }; /* handles are positions in the table, plus 1 */

static const struct memory_file *table(struct layer *layer)
{
	return ((struct memory_layer *)layer)->files;
}

static const char *dir_path(struct layer *layer, int dir)
{
	return dir == ROOT ? "" : table(layer)[dir - 1].path;
}

/* The name of an entry directly below dir, or NULL. */
static const char *name_in(struct layer *layer, int dir, const struct memory_file *file)
{
	const char *path = dir_path(layer, dir);
	size_t len = strlen(path);
	const char *name = len ? file->path + len + 1 : file->path;

	if (len && (strncmp(file->path, path, len) != 0 || file->path[len] != '/'))
		return NULL;
	return strchr(name, '/') ? NULL : name;
}

static int find(struct layer *layer, struct at at)
{
	if (!*at.name)
		return at.dir;
	for (int i = 0; table(layer)[i].path; i++) {
		const char *name = name_in(layer, at.dir, &table(layer)[i]);

		if (name && strcmp(name, at.name) == 0)
			return i + 1;
	}
	return -ENOENT;
}

static int open_dir(struct layer *layer, struct at at)
{
	int i = find(layer, at);

	return i > 0 && !S_ISDIR(table(layer)[i - 1].mode) ? -ENOTDIR : i;
}

static void close_dir(struct layer *layer, int handle)
{
	(void)layer;
	(void)handle;
}

static int get_stat(struct layer *layer, struct at at, struct stat *ret)
{
	int i = find(layer, at);

	if (i < 0)
		return i;
	*ret = (struct stat){ .st_ino = (ino_t)i + 1,
		.st_dev = layer->dev,
		.st_nlink = 1,
		.st_uid = geteuid(),
		.st_gid = getegid(),
		.st_mode = S_IFDIR | 0755,
		.st_mtim.tv_sec = 4711 };
	if (i != ROOT) {
		const struct memory_file *file = &table(layer)[i - 1];

		ret->st_mode = file->mode;
		ret->st_size = file->data ? (off_t)strlen(file->data) : 0;
	}
	return 0;
}

static int open_file(struct layer *layer, struct at at)
{
	int i = find(layer, at), fd;

	if (i <= 0)
		return -ESTALE;
	fd = memfd_create("layer", MFD_CLOEXEC);
	if (fd < 0 || write(fd, table(layer)[i - 1].data, strlen(table(layer)[i - 1].data)) < 0)
		return -EIO;
	return fd;
}

static ssize_t get_link(struct layer *layer, struct at at, char *buf, size_t size)
{
	int i = find(layer, at);
	size_t n;

	if (i <= 0 || !S_ISLNK(table(layer)[i - 1].mode))
		return -EINVAL;
	n = strlen(table(layer)[i - 1].data);
	memcpy(buf, table(layer)[i - 1].data, n < size ? n : size);
	return (ssize_t)(n < size ? n : size);
}

static ssize_t get_xattr(struct layer *layer, struct at at, const char *key, void *buf, size_t size)
{
	int i = find(layer, at);
	const char *name = i > 0 ? table(layer)[i - 1].xattr : NULL;

	if (!name || strcmp(name, key) != 0)
		return -ENODATA;
	if (size)
		memcpy(buf, "y", 1);
	return 1;
}

static ssize_t list_xattr(struct layer *layer, struct at at, char *buf, size_t size)
{
	int i = find(layer, at);
	const char *name = i > 0 ? table(layer)[i - 1].xattr : NULL;
	size_t n = name ? strlen(name) + 1 : 0;

	if (size && n > size)
		return -ERANGE;
	if (size && n)
		memcpy(buf, name, n);
	return (ssize_t)n;
}

static int list(struct layer *layer, int dir, layer_list_fn fn, void *data)
{
	for (int i = 0; table(layer)[i].path; i++) {
		const char *name = name_in(layer, dir, &table(layer)[i]);
		struct layer_entry entry = { name, (uint64_t)i + 2,
			(unsigned char)IFTODT(table(layer)[i].mode) };
		int r = name ? fn(data, &entry) : 0;

		if (r)
			return r;
	}
	return 0;
}

static void free_layer(struct layer *layer)
{
	free(layer);
}

struct layer *memory_layer_new(const struct memory_file *files)
{
	static const struct layer_ops ops = {
		.open_dir = open_dir,
		.close_dir = close_dir,
		.stat = get_stat,
		.open_file = open_file,
		.pin = open_file,
		.readlink = get_link,
		.getxattr = get_xattr,
		.listxattr = list_xattr,
		.list = list,
		.free = free_layer,
	};
	struct memory_layer *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->layer = (struct layer){ .ops = &ops, .root = ROOT, .dev = 0xfeed };
	memory->files = files;
	return &memory->layer;
}
