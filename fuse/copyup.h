/* SPDX-License-Identifier: Apache-2.0 */
/* Bringing objects into the upper before they change. Called with the lock held. */
#ifndef SBX_FUSE_COPYUP_H
#define SBX_FUSE_COPYUP_H

#include "node.h"

#define COPYUP_ALL INT64_MAX

/* The node and its parents are in the upper afterwards. At most `size` bytes of data are copied (a
 * truncation needs no more). May drop the lock while data moves: the node stays, its link may not.
 * -EROFS without an upper. */
int copyup_node(struct ovl *fs, struct node *node, int64_t size);

/* For a directory that is to get or lose an entry: also -ENOENT when it was removed. */
int copyup_dir(struct ovl *fs, struct node *dir);

#endif
