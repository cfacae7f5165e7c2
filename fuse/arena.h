/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cells of memory that are named by 32 bits: half the size of a pointer, and no header for each.
 *
 * A chunk of 64 KiB holds cells of one size, and at its end who it belongs to, so a cell leads to its
 * number and to its arena. An empty chunk goes back to the kernel, unless it is the last one of its
 * size with room. Cells come zeroed. In a free one all but the first two bytes are zero, so its owner
 * can tell it from a used one by any field behind them. Not thread-safe.
 */
#ifndef SBX_FUSE_ARENA_H
#define SBX_FUSE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#define ARENA_MAX_CELL 304
#define ARENA_SIZES    9

struct arena_chunk;

/* Zeroed: empty. Not to be moved while it has cells. */
struct arena {
	struct arena_chunk **v; /* by number; NULL: given back */
	uint32_t n, size;
	struct arena_chunk *room[ARENA_SIZES]; /* lists of those with free cells */
};

void *arena_take(struct arena *arena, size_t size); /* NULL: no memory, or too large */
void arena_give(void *cell);
void arena_done(struct arena *arena); /* whatever is still in use */

uint32_t arena_index(const void *cell); /* never 0; 1 for the very first */
/* NULL: there is no cell of that number. It may be a free one. */
void *arena_at(const struct arena *arena, uint32_t index);
/* The first cell with a number above *index, which it becomes; NULL: none. */
void *arena_next(const struct arena *arena, uint32_t *index);

size_t arena_size(const void *cell);
struct arena *arena_of(const void *cell);

#endif
