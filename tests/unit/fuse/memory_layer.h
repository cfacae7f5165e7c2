/* SPDX-License-Identifier: Apache-2.0 */
/* A layer that is nothing but a table: what a packed layer would be, as small as it can be. */
#ifndef SBX_TESTS_FUSE_MEMORY_LAYER_H
#define SBX_TESTS_FUSE_MEMORY_LAYER_H

#include "fuse/layer.h"

struct memory_file {
	const char *path;  /* "a/b"; the root is not listed, parents come before children */
	mode_t mode;       /* with type */
	const char *data;  /* contents or target */
	const char *xattr; /* name of one xattr with the value "y", or NULL */
};

/* The table is borrowed and ends with an entry without a path. */
struct layer *memory_layer_new(const struct memory_file *files);

#endif
