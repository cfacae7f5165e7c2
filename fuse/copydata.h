/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_FUSE_COPYDATA_H
#define SBX_FUSE_COPYDATA_H

#include "layer.h"

#define COPYDATA_SMALL (16 << 10) /* quickly done: not worth another thread */

/* Copies the first `size` bytes into an empty file. */
int copydata_file(int from, int to, off_t size);

struct copydata_object {
	struct layer *layer;
	struct at at;
};

/* All xattrs but the overlay's own. `to` is in a directory of the host. */
int copydata_xattrs(const struct copydata_object *from, const struct copydata_object *to);

#endif
