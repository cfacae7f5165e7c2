/* SPDX-License-Identifier: Apache-2.0 */
/* How an image came to be: its config's history with the sizes of the layers here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

static void copy(struct json *row, const char *name, const struct json *step, const char *key)
{
	json_put_string(row, name, json_str(json_get(step, key), ""));
}

/* Oldest first; steps without a layer have size 0. A config without history has one row a layer. */
static struct json *make_rows(
	const struct store *store, const struct found *image, const struct strv *chains)
{
	const struct json *history = json_get(image->config, "history");
	size_t n = json_len(history) ? json_len(history) : chains->n, layer = 0;
	struct json *rows = json_new_list();

	for (size_t i = 0; i < n; i++) {
		const struct json *step = json_at(history, i);
		struct json *row = json_new_map();
		int64_t size = 0;

		copy(row, "Created", step, "created");
		copy(row, "CreatedBy", step, "created_by");
		copy(row, "Comment", step, "comment");
		if (!json_bool(json_get(step, "empty_layer"), false) && layer < chains->n)
			size = layer_size(store, chains->v[layer++]);
		json_put_int(
			row, "Size", size > 0 ? size : 0); /* of a damaged layer nothing is known */
		json_put_string(row, "Id", "<missing>");
		json_push(rows, row);
	}
	return rows;
}

/* The steps of `other`, when it is what this image was made from. */
static size_t common_steps(const struct found *image, const struct found *other)
{
	const struct json *mine = json_path(image->config, "rootfs", "diff_ids", NULL);
	const struct json *theirs = json_path(other->config, "rootfs", "diff_ids", NULL);
	size_t steps = json_len(json_get(other->config, "history"));

	if (steps == 0 || steps >= json_len(json_get(image->config, "history")) ||
		json_len(theirs) > json_len(mine))
		return 0;
	for (size_t i = 0; i < json_len(theirs); i++)
		if (strcmp(json_str(json_at(theirs, i), ""), json_str(json_at(mine, i), "?")) != 0)
			return 0;
	return steps;
}

/* Parents that are still here can be run and tagged by their ids. */
static void name_parents(const struct store *store, const struct json *index,
	const struct found *image, struct json *rows)
{
	json_each (it, index_list(index)) {
		autofound struct found other = { 0 };
		struct err ignored = ERR_INIT; /* a damaged one is nobody's parent */
		size_t steps;

		if (entry_load(store, it.value, &other, &ignored) < 0)
			continue;
		steps = common_steps(image, &other);
		if (steps > 0)
			json_put_string(json_at(rows, steps - 1), "Id", other.id);
	}
	if (json_len(rows) > 0)
		json_put_string(json_at(rows, json_len(rows) - 1), "Id", image->id);
}

int image_history(const struct globals *globals, const char *name, const char *platform,
	struct json **ret, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL, *rows = NULL, *newest = json_new_list();
	autofound struct found found = { 0 };
	autostrv struct strv chains = STRV_INIT;
	struct lookup at;

	TRY(store_open(globals, false, &store, err));
	TRY(index_load(&store, &index, err));
	TRY(index_find(&store, index, name, &at, err));
	if (entry_load(&store, at.entry, &found, err) < 0 ||
		found_chains(&found, &chains, err) < 0) {
		if (err->code == -ENOENT)
			err->code = -EUCLEAN;
		return err_wrap(err, "image %s", name);
	}
	TRY(found_check_platform(&found, name, platform, err));
	rows = make_rows(&store, &found, &chains);
	name_parents(&store, index, &found, rows);
	for (size_t i = json_len(rows); i > 0; i--)
		json_push(newest, (struct json *)json_ref(json_at(rows, i - 1)));
	*ret = move_ptr(&newest);
	return 0;
}
