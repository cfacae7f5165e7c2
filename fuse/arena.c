/* SPDX-License-Identifier: Apache-2.0 */
#include "arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHUNK 65536
#define UNIT  8
#define UNITS (CHUNK / UNIT)
#define FIRST UNIT       /* so that no cell has the number 0 */
#define MOST  (1U << 19) /* chunks: their units have 32 bits */

/* At the end of its chunk. */
struct arena_chunk {
	struct arena *arena;
	struct arena_chunk *next, *prev; /* with room; of this size */
	uint32_t number;
	uint16_t used;
	uint16_t fresh; /* offset / UNIT of what was never used */
	uint16_t free;  /* the same of the first free cell; 0 = none */
	uint8_t kind, units;
};

#define END (CHUNK - sizeof(struct arena_chunk))

static const uint8_t sizes[ARENA_SIZES] = { 7, 8, 9, 10, 11, 12, 16, 24, 38 };

static_assert(ARENA_MAX_CELL == 38 * UNIT, "the largest of the sizes");

static struct arena_chunk *chunk_of(const void *cell)
{
	return (struct arena_chunk *)(((uintptr_t)cell & ~(uintptr_t)(CHUNK - 1)) + END);
}

static char *start_of(const struct arena_chunk *chunk)
{
	return (char *)((uintptr_t)chunk - END);
}

static int kind_of(size_t size)
{
	int kind = 0;

	while (kind < ARENA_SIZES && (size_t)sizes[kind] * UNIT < size)
		kind++;
	return kind;
}

static bool has_room(const struct arena_chunk *chunk)
{
	return chunk->free || ((size_t)chunk->fresh + chunk->units) * UNIT <= END;
}

static void attach(struct arena_chunk *chunk)
{
	struct arena_chunk **first = &chunk->arena->room[chunk->kind];

	chunk->prev = NULL;
	chunk->next = *first;
	if (*first)
		(*first)->prev = chunk;
	*first = chunk;
}

static void detach(struct arena_chunk *chunk)
{
	if (chunk->prev)
		chunk->prev->next = chunk->next;
	else
		chunk->arena->room[chunk->kind] = chunk->next;
	if (chunk->next)
		chunk->next->prev = chunk->prev;
}

/* Aligned to its own size, by cutting it out of twice as much. */
static char *map_chunk(void)
{
	char *p = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;

	if (p == MAP_FAILED)
		return NULL;
	before = (size_t)(-(uintptr_t)p & (CHUNK - 1));
	if (before)
		(void)munmap(p, before); /* what cannot be split off stays, unused */
	(void)munmap(p + before + CHUNK, CHUNK - before);
	return p + before;
}

/* A place in the table of chunks; one that was given back when there is one. */
static int take_number(struct arena *arena, uint32_t *ret)
{
	uint32_t number = 0;

	while (number < arena->n && arena->v[number])
		number++;
	if (number == arena->size) {
		uint32_t size = arena->size ? 2 * arena->size : 16;
		struct arena_chunk **v;

		if (size > MOST)
			return -1;
		v = realloc(arena->v, size * sizeof(struct arena_chunk *));
		if (!v)
			return -1;
		arena->v = v;
		arena->size = size;
	}
	if (number == arena->n) {
		arena->v[number] = NULL;
		arena->n++;
	}
	*ret = number;
	return 0;
}

static struct arena_chunk *new_chunk(struct arena *arena, int kind)
{
	struct arena_chunk *chunk;
	uint32_t number;
	char *start;

	if (take_number(arena, &number) < 0)
		return NULL;
	start = map_chunk();
	if (!start)
		return NULL;
	chunk = (struct arena_chunk *)(start + END);
	*chunk = (struct arena_chunk){ .arena = arena,
		.number = number,
		.fresh = FIRST / UNIT,
		.kind = (uint8_t)kind,
		.units = sizes[kind] };
	arena->v[number] = chunk;
	attach(chunk);
	return chunk;
}

void *arena_take(struct arena *arena, size_t size)
{
	int kind = kind_of(size);
	struct arena_chunk *chunk;
	char *cell;

	if (kind == ARENA_SIZES)
		return NULL;
	chunk = arena->room[kind] ? arena->room[kind] : new_chunk(arena, kind);
	if (!chunk)
		return NULL;
	if (chunk->free) {
		cell = start_of(chunk) + (size_t)chunk->free * UNIT;
		memcpy(&chunk->free, cell, sizeof(chunk->free));
		memset(cell, 0, sizeof(chunk->free));
	} else {
		cell = start_of(chunk) + (size_t)chunk->fresh * UNIT;
		chunk->fresh = (uint16_t)(chunk->fresh + chunk->units);
	}
	chunk->used++;
	if (!has_room(chunk))
		detach(chunk);
	return cell;
}

void arena_give(void *cell)
{
	struct arena_chunk *chunk = chunk_of(cell);
	bool was_full = !has_room(chunk);

	memset(cell, 0, (size_t)chunk->units * UNIT);
	memcpy(cell, &chunk->free, sizeof(chunk->free));
	chunk->free = (uint16_t)((size_t)((char *)cell - start_of(chunk)) / UNIT);
	chunk->used--;
	if (was_full)
		attach(chunk);
	if (chunk->used || (!chunk->next && !chunk->prev))
		return;
	detach(chunk);
	chunk->arena->v[chunk->number] = NULL;
	(void)munmap(start_of(chunk), CHUNK); /* kept, unused, when that fails */
}

void arena_done(struct arena *arena)
{
	for (uint32_t i = 0; i < arena->n; i++)
		if (arena->v[i])
			(void)munmap(start_of(arena->v[i]), CHUNK);
	free(arena->v);
	*arena = (struct arena){ .n = 0 };
}

uint32_t arena_index(const void *cell)
{
	const struct arena_chunk *chunk = chunk_of(cell);
	size_t offset = (size_t)((const char *)cell - start_of(chunk));

	return chunk->number * UNITS + (uint32_t)(offset / UNIT);
}

void *arena_at(const struct arena *arena, uint32_t index)
{
	uint32_t number = index / UNITS, unit = index % UNITS;
	const struct arena_chunk *chunk = number < arena->n ? arena->v[number] : NULL;

	if (!chunk || unit < FIRST / UNIT || unit >= chunk->fresh ||
		(unit - FIRST / UNIT) % chunk->units)
		return NULL;
	return start_of(chunk) + (size_t)unit * UNIT;
}

void *arena_next(const struct arena *arena, uint32_t *index)
{
	uint32_t unit = *index % UNITS;

	for (uint32_t number = *index / UNITS; number < arena->n; number++, unit = 0) {
		const struct arena_chunk *chunk = arena->v[number];
		uint32_t next = FIRST / UNIT;

		if (!chunk)
			continue;
		if (unit >= FIRST / UNIT)
			next = unit + chunk->units;
		if (next >= chunk->fresh)
			continue;
		*index = number * UNITS + next;
		return start_of(chunk) + (size_t)next * UNIT;
	}
	return NULL;
}

size_t arena_size(const void *cell)
{
	return (size_t)chunk_of(cell)->units * UNIT;
}

struct arena *arena_of(const void *cell)
{
	return chunk_of(cell)->arena;
}
