/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_IMAGE_CLONE_H
#define SBX_IMAGE_CLONE_H

#include "base/err.h"
#include "image/store.h"

struct layer_clone {
	int from_dir;
	const char *from; /* a directory in from_dir */
	int to_dir;
	const char *to; /* in to_dir, on the same file system; what is there is replaced */
	const struct store *store; /* its user namespace is joined, if it has made one */
};
/* A second directory with a layer's content: files are hard links, for nobody writes to a layer;
 * directories get the same owners, modes, times and extended attributes. Runs in a user namespace
 * with the caller's id map. On failure nothing is left. */
int layer_clone(const struct layer_clone *clone, struct err *err);

#endif
