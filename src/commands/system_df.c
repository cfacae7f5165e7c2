/* SPDX-License-Identifier: Apache-2.0 */
/* system df: what takes how much room, and how much of it would go with the prune commands. */
#include "commands/commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/builder.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

#define TABLE "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"
#define TYPE  "*formatter.diskUsageContext"

struct usage {
	size_t total, active;
	int64_t bytes, reclaimable;
};

struct world {
	const struct globals *globals;
	struct container *containers;
	size_t n_containers;
	struct stored_volume *volumes;
	size_t n_volumes;
	struct image_row *images;
	size_t n_images;
};

static void world_done(struct world *w)
{
	state_list_free(w->containers, w->n_containers);
	state_volume_list_free(w->volumes, w->n_volumes);
	image_rows_free(w->images, w->n_images);
}

/* layers/<chain id>.json beside each layer holds its size. */
static int64_t record_size(int dir, const char *name)
{
	autojson struct json *doc = NULL;
	struct err ignored = ERR_INIT; /* a layer that is just being removed */

	if (json_read_at(dir, name, 1 << 20, &doc, &ignored) < 0)
		return 0;
	return json_int(json_get(doc, "size"), 0);
}

int64_t layers_size(const struct globals *globals)
{
	autofree char *path = xasprintf("%s/layers", globals->root);
	autodir DIR *stream = opendir(path);
	int64_t sum = 0;

	for (struct dirent *e = stream ? readdir(stream) : NULL; e; e = readdir(stream)) {
		size_t n = strlen(e->d_name);

		if (n > 5 && strcmp(e->d_name + n - 5, ".json") == 0)
			sum += record_size(dirfd(stream), e->d_name);
	}
	return sum;
}

static bool image_used(const struct world *w, const char *id)
{
	for (size_t i = 0; i < w->n_containers; i++)
		if (container_uses_image(&w->containers[i], id))
			return true;
	return false;
}

/* Layers that containers use, each once. */
static int64_t used_layers(const struct world *w)
{
	autostrv struct strv seen = STRV_INIT;
	int64_t sum = 0;

	for (size_t i = 0; i < w->n_containers; i++) {
		autostrv struct strv layers = STRV_INIT;

		container_all_layers(&w->containers[i], &layers);
		strv_each (layer, &layers) {
			autofree char *record = xasprintf("%s.json", *layer);

			if (strv_has(&seen, *layer))
				continue;
			strv_add(&seen, *layer);
			sum += record_size(AT_FDCWD, record);
		}
	}
	return sum;
}

static struct usage of_images(const struct world *w)
{
	struct usage u = { .bytes = layers_size(w->globals) };

	for (size_t i = 0; i < w->n_images; i++) {
		bool again = false; /* another name of the same */

		for (size_t j = 0; j < i && !again; j++)
			again = strcmp(w->images[i].id, w->images[j].id) == 0;
		if (again)
			continue;
		u.total++;
		u.active += image_used(w, w->images[i].id);
	}
	u.reclaimable = u.bytes - used_layers(w);
	return u;
}

static int of_containers(const struct world *w, struct usage *ret, struct err *err)
{
	autostrv struct strv paths = STRV_INIT;
	autofree int64_t *sizes = xcalloc(w->n_containers + 1, sizeof(*sizes));

	for (size_t i = 0; i < w->n_containers; i++)
		strv_addf(&paths, "%s/upper", w->containers[i].path);
	TRY(tree_sizes(&paths, sizes, err));
	*ret = (struct usage){ .total = w->n_containers };
	for (size_t i = 0; i < w->n_containers; i++) {
		bool up = container_up(&w->containers[i]);

		ret->active += up;
		ret->bytes += sizes[i];
		ret->reclaimable += up ? 0 : sizes[i];
	}
	return 0;
}

static int of_volumes(const struct world *w, struct usage *ret, struct err *err)
{
	autostrv struct strv paths = STRV_INIT;
	autofree int64_t *sizes = xcalloc(w->n_volumes + 1, sizeof(*sizes));

	for (size_t i = 0; i < w->n_volumes; i++)
		strv_add(&paths, w->volumes[i].path);
	TRY(tree_sizes(&paths, sizes, err));
	*ret = (struct usage){ .total = w->n_volumes };
	for (size_t i = 0; i < w->n_volumes; i++) {
		autostrv struct strv users = STRV_INIT;

		state_volume_users(w->containers, w->n_containers, w->volumes[i].name, &users);
		ret->active += users.n > 0;
		ret->bytes += sizes[i];
		ret->reclaimable += users.n ? 0 : sizes[i];
	}
	return 0;
}

/* Beside what has become part of images. */
static int of_cache(const struct globals *globals, struct usage *ret, struct err *err)
{
	struct builder_usage usage;

	TRY(builder_usage(globals, &usage, err));
	*ret = (struct usage){
		.total = (size_t)usage.total, .bytes = usage.bytes, .reclaimable = usage.bytes
	};
	return 0;
}

static int add_row(struct format *format, const char *type, const struct usage *u, struct err *err)
{
	autojson struct json *row = json_new_map();
	char text[UNITS_MAX + 16], number[24];

	json_put_string(row, "Type", type);
	(void)snprintf(number, sizeof(number), "%zu", u->total);
	json_put_string(row, "TotalCount", number);
	(void)snprintf(number, sizeof(number), "%zu", u->active);
	json_put_string(row, "Active", number);
	units_size(u->bytes, 4, text);
	json_put_string(row, "Size", text);
	units_size(u->reclaimable > 0 ? u->reclaimable : 0, 4, text);
	if (u->bytes > 0)
		(void)snprintf(text + strlen(text), 16, " (%d%%)",
			(int)((u->reclaimable > 0 ? u->reclaimable : 0) * 100 / u->bytes));
	json_put_string(row, "Reclaimable", text);
	return format_row(format, row, NULL, err);
}

static struct json *titles(void)
{
	static const char *const names[][2] = { { "Active", "ACTIVE" },
		{ "Reclaimable", "RECLAIMABLE" }, { "Size", "SIZE" }, { "TotalCount", "TOTAL" },
		{ "Type", "TYPE" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

int cmd_system_df(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(format_opts_done))) struct format_opts opts = { 0 };
	__attribute__((cleanup(world_done))) struct world w = { .globals = globals };
	autoformat struct format format = { 0 };
	autojson struct json *heading = titles();
	struct usage images, containers, volumes, cache;

	TRY(system_df_opts_parse(argc, argv, &opts, err));
	if (opts.verbose && opts.format)
		return err_set(err, -EINVAL,
			"the verbose and the format options conflict: use one of them");
	if (opts.verbose)
		return disk_usage_verbose(globals, err);
	TRY(format_init(&format, opts.format, TABLE, TYPE, err));
	TRY(state_list(globals, &w.containers, &w.n_containers, err));
	TRY(state_volume_list(globals, &w.volumes, &w.n_volumes, err));
	TRY(image_list(globals, NULL, &w.images, &w.n_images, err));
	images = of_images(&w);
	TRY(of_containers(&w, &containers, err));
	TRY(of_volumes(&w, &volumes, err));
	TRY(of_cache(globals, &cache, err));
	TRY(format_heading(&format, heading, err));
	TRY(add_row(&format, "Images", &images, err));
	TRY(add_row(&format, "Containers", &containers, err));
	TRY(add_row(&format, "Local Volumes", &volumes, err));
	TRY(add_row(&format, "Build Cache", &cache, err));
	return format_finish(&format, err);
}
