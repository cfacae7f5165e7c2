/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer: a read-only tree, reached through handles of its directories and single names in them.
 * The directory kind is in layer.c; a packed layer can stand beside it, and tests bring one in memory.
 *
 * Names are single components, never "." or "..". "" is the object behind the handle itself.
 * No operation follows a symbolic link. Results are 0, a count or a descriptor, or -errno.
 */
#ifndef SBX_FUSE_LAYER_H
#define SBX_FUSE_LAYER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

struct layer;

struct at {
	int dir; /* handle */
	const char *name;
};

struct layer_entry {
	const char *name;
	uint64_t ino;
	unsigned char type; /* DT_* */
};
typedef int (*layer_list_fn)(void *data, const struct layer_entry *entry);

struct layer_ops {
	int (*open_dir)(struct layer *layer, struct at at); /* a handle, closed by close_dir */
	void (*close_dir)(struct layer *layer, int handle);
	int (*stat)(struct layer *layer, struct at at, struct stat *ret);
	int (*open_file)(
		struct layer *layer, struct at at); /* regular files; O_RDONLY, the caller's */
	/* A descriptor that keeps the object reachable without its name, the caller's. */
	int (*pin)(struct layer *layer, struct at at);
	ssize_t (*readlink)(struct layer *layer, struct at at, char *buf, size_t size);
	ssize_t (*getxattr)(
		struct layer *layer, struct at at, const char *key, void *buf, size_t size);
	ssize_t (*listxattr)(struct layer *layer, struct at at, char *buf, size_t size);
	/* Every entry but "." and ".."; stops with fn's first non-zero result. */
	int (*list)(struct layer *layer, int dir, layer_list_fn fn, void *data);
	void (*free)(struct layer *layer);
};

struct layer {
	const struct layer_ops *ops;
	int root;              /* handle; lives as long as the layer */
	dev_t dev;             /* of the root: tells inode numbers of different layers apart */
	struct beside *beside; /* what xattrs cannot say (beside.h), or NULL; goes with the layer */
	bool dot_wh;           /* ".wh.NAME" hides NAME, ".wh..wh..opq" makes a directory opaque */
};

/* A directory of the host. fd is adopted; O_PATH will do. */
int layer_new_dir(int adopt_fd, struct layer **ret, struct err *err);
void layer_free(struct layer *layer); /* NULL ok */

/* The directory kind's operations also serve any O_PATH descriptor with name "". */
extern const struct layer_ops layer_dir_ops;

/* "/proc/self/fd/N" or "/proc/self/fd/N/name" for calls that know no descriptors (xattrs, chmod of
 * an O_PATH descriptor). The descriptor's link leads to the object itself, never beyond. */
#define LAYER_PATH_MAX (32 + 256)
const char *layer_proc_path(char *buf, struct at at);

#endif
