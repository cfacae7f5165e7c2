/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this format keeps in xattrs, for objects that cannot have any: a file beside the layer, NAME.beside for the
 * directory NAME. Links, pipes, sockets and devices have no xattrs of users anywhere; some file systems have none at all.
 *
 * Facts belong to the object, not to its name: the key is the inode number with the time of birth, so renames and
 * links change nothing here and a number that is used again finds nothing. Facts are appended, each line with its
 * sum, before the object gets its name; a line that is not whole says nothing. See docs/formats.md.
 *
 * Called with fs->lock held. The file is made with the first fact. Its folder is not a layer: nothing inside
 * leads to it.
 */
#ifndef SBX_FUSE_BESIDE_H
#define SBX_FUSE_BESIDE_H

#include "layer.h"

#include <stdbool.h>

#include "base/facts.h"

struct beside;

/* Of the directory behind `layer_dir`. *ret is NULL where there can be none: without a place, or read-only without
 * a file. A file that says nonsense is as none. -ENOMEM. */
int beside_open(int layer_dir, bool writable, struct beside **ret);
void beside_free(struct beside *beside); /* NULL ok */

/* As getxattr of ours, from the xattr or else from beside. */
ssize_t beside_getxattr(struct layer *layer, struct at at, const char *key, void *buf, size_t size);

/* -EOPNOTSUPP where there is no place either. */
struct beside_fact {
	const char *key;
	const void *value;
	size_t size;    /* at most FACT_VALUE */
	bool no_xattrs; /* the file system has none, so regular files and directories are here too */
	bool now;       /* on the disk before this returns */
};
int beside_set(struct beside *beside, struct at at, const struct beside_fact *fact);

/* An object that is about to lose a name, and what is known of it when that was the last. Cheap without facts. */
void beside_key(const struct beside *beside, struct at at, struct fact_key *ret);
void beside_drop(struct beside *beside, const struct fact_key *key);

/* Just made: what is said of an earlier object of the same number, on file systems that tell no time of birth,
 * is not of this one. */
void beside_fresh(struct beside *beside, struct at at);

/* What was set is on the disk. */
int beside_sync(struct beside *beside);

#endif
