/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cached handles. A slot sits in the node it belongs to and holds a directory handle of a layer or a
 * data descriptor; the least recently used are closed when there are more than the limit. Closing
 * happens in slots_trim() alone, so a handle stays good until its operation has ended, and a pinned
 * one beyond that.
 */
#ifndef SBX_FUSE_SLOT_H
#define SBX_FUSE_SLOT_H

#include <stddef.h>

struct layer;

struct slot {
	int handle;          /* -1 = empty */
	unsigned pins;       /* > 0: in use outside the lock */
	struct layer *layer; /* closes the handle; NULL = a plain descriptor */
	struct slot *newer, *older;
};

struct slots {
	struct slot *newest, *oldest;
	size_t count, max;
};

void slot_init(struct slot *slot);
void slot_fill(struct slots *slots, struct slot *slot, struct layer *layer, int adopt_handle);
void slot_touch(struct slots *slots, struct slot *slot);
int slot_take(struct slots *slots, struct slot *slot); /* empties it; the handle is the caller's */
void slot_empty(struct slots *slots, struct slot *slot); /* closes; fine on an empty one */
void slots_trim(struct slots *slots);

#endif
