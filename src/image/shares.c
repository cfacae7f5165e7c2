/* SPDX-License-Identifier: Apache-2.0 */
/* Which bytes of an image would stay if it went: the layers that another image has, too. */
#include "image/image.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

struct use { /* one layer of one image */
	char chain[65];
	size_t image; /* the row that speaks for the image */
	int64_t size;
};

struct uses {
	struct use *list;
	size_t n;
};

static void uses_done(struct uses *uses)
{
	free(uses->list);
}

static int by_chain(const void *a, const void *b)
{
	const struct use *x = a, *y = b;
	int r = strcmp(x->chain, y->chain);

	return r ? r : (x->image > y->image) - (x->image < y->image);
}

static void add_image(const struct store *store, const struct json *index, const char *id,
	size_t row, struct uses *uses)
{
	autofound struct found found = { 0 };
	autostrv struct strv chains = STRV_INIT;
	struct err ignored = ERR_INIT;
	struct lookup at;

	if (index_find(store, index, id, &at, &ignored) < 0 ||
		entry_load(store, at.entry, &found, &ignored) < 0 ||
		found_chains(&found, &chains, &ignored) < 0)
		return;
	uses->list = xreallocarray(uses->list, uses->n + chains.n + 1, sizeof(*uses->list));
	strv_each (chain, &chains) {
		struct use *use = &uses->list[uses->n++];
		int64_t size = layer_size(store, *chain);

		*use = (struct use){ .image = row, .size = size > 0 ? size : 0 };
		memcpy(use->chain, *chain, strnlen(*chain, sizeof(use->chain) - 1));
	}
}

/* The first row of the same image. */
static size_t speaker(const struct image_row *rows, size_t i)
{
	size_t first = 0;

	while (strcmp(rows[first].id, rows[i].id) != 0)
		first++;
	return first;
}

static void add_up(const struct uses *uses, int64_t *ret_shared)
{
	size_t same;

	for (size_t i = 0; i < uses->n; i += same) {
		for (same = 1; i + same < uses->n; same++)
			if (strcmp(uses->list[i].chain, uses->list[i + same].chain) != 0)
				break;
		for (size_t k = i; same > 1 && k < i + same; k++)
			ret_shared[uses->list[k].image] += uses->list[k].size;
	}
}

int image_shared_sizes(const struct globals *globals, const struct image_row *rows, size_t n,
	int64_t *ret_shared, struct err *err)
{
	__attribute__((cleanup(uses_done))) struct uses uses = { 0 };
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL;

	TRY(store_open(globals, false, &store, err));
	TRY(index_load(&store, &index, err));
	memset(ret_shared, 0, n * sizeof(*ret_shared));
	for (size_t i = 0; i < n; i++)
		if (speaker(rows, i) == i)
			add_image(&store, index, rows[i].id, i, &uses);
	if (uses.n > 1)
		qsort(uses.list, uses.n, sizeof(*uses.list), by_chain);
	add_up(&uses, ret_shared);
	for (size_t i = 0; i < n; i++)
		ret_shared[i] = ret_shared[speaker(rows, i)];
	return 0;
}
