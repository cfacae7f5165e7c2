/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <errno.h>

#include "base/own.h"

#define ENOUGH_MISSES 4
#define MAX_NAMES     (1 << 18)
#define NEVER         UINT8_MAX

struct names {
	size_t n, size; /* size: a power of two, more than half of it 0 */
	uint32_t v[];   /* 0 = empty */
};

struct collector {
	struct ovl *fs;
	struct names *names;
};

static uint32_t hash(const struct ovl *fs, const char *name)
{
	uint32_t h = (uint32_t)node_hash_name(fs, name);

	return h ? h : 1;
}

static void put(struct names *names, uint32_t h)
{
	size_t i = h & (names->size - 1);

	while (names->v[i] && names->v[i] != h)
		i = (i + 1) & (names->size - 1);
	names->n += names->v[i] == 0;
	names->v[i] = h;
}

static struct names *make(size_t size)
{
	struct names *names = calloc(1, sizeof(*names) + size * sizeof(names->v[0]));

	if (names)
		names->size = size;
	return names;
}

static int grow(struct collector *c)
{
	struct names *bigger = make(c->names->size * 2);

	if (!bigger)
		return -ENOMEM;
	for (size_t i = 0; i < c->names->size; i++)
		if (c->names->v[i])
			put(bigger, c->names->v[i]);
	free(c->names);
	c->names = bigger;
	return 0;
}

static int collect(void *data, const struct layer_entry *entry)
{
	struct collector *c = data;

	if (c->names->n >= MAX_NAMES)
		return -E2BIG;
	if (2 * (c->names->n + 1) > c->names->size)
		TRY(grow(c));
	put(c->names, hash(c->fs, entry->name));
	return 0;
}

static int read_parts(struct collector *c, struct node *dir)
{
	for (unsigned i = 0; i < dir->body->parts->n; i++) {
		struct layer *layer = c->fs->lower[dir->body->parts->v[i].layer - 1];
		int handle = node_dir_handle(c->fs, dir, (int)i);

		if (handle < 0)
			return handle;
		TRY(layer->ops->list(layer, handle, collect, c));
	}
	return 0;
}

void names_missed(struct ovl *fs, struct node *dir)
{
	struct collector c = { fs, NULL };

	if (!dir->body->parts || dir->body->names || dir->body->misses == NEVER ||
		++dir->body->misses < ENOUGH_MISSES)
		return;
	dir->body->misses = NEVER;
	c.names = make(64);
	if (c.names && read_parts(&c, dir) == 0)
		dir->body->names = move_ptr(&c.names);
	free(c.names); /* too many, unreadable, or no memory: it goes on without */
}

bool names_surely_not(struct ovl *fs, struct node *dir, const char *name)
{
	const struct names *names = dir->body->names;
	uint32_t h;
	size_t i;

	if (!names)
		return false;
	h = hash(fs, name);
	for (i = h & (names->size - 1); names->v[i]; i = (i + 1) & (names->size - 1))
		if (names->v[i] == h)
			return false;
	return true;
}
