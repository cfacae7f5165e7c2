/* SPDX-License-Identifier: Apache-2.0 */
/* system df -v: one table each of images, containers and volumes, and the size of the build cache. */
#include "commands/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/builder.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"

#define IMAGES                                                                                    \
	"table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}" \
	"\t{{.UniqueSize}}\t{{.Containers}}"
#define CONTAINERS                                                                               \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}" \
	"\t{{.Status}}\t{{.Names}}"
#define VOLUMES "table {{.Name}}\t{{.Links}}\t{{.Size}}"

struct world {
	const struct globals *globals;
	struct container *containers;
	size_t n_containers;
};

static void world_done(struct world *w)
{
	state_list_free(w->containers, w->n_containers);
}

static void put_number(struct json *row, const char *key, size_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", n);
	json_put_string(row, key, text);
}

static void put_bytes(struct json *row, const char *key, int64_t bytes)
{
	char text[UNITS_MAX];

	units_size(bytes, 4, text);
	json_put_string(row, key, text);
}

static void put_size(struct json *row, int64_t bytes)
{
	put_bytes(row, "Size", bytes);
}

static int title(const char *text, struct err *err)
{
	autobuf struct buf line = BUF_INIT;

	buf_addf(&line, "%s space usage:\n\n", text);
	return out_write(&line, err);
}

static int begin(
	struct format *format, const char *template, const char *const (*names)[2], struct err *err)
{
	autojson struct json *titles = json_new_map();

	for (; (*names)[0]; names++)
		json_put_string(titles, (*names)[0], (*names)[1]);
	TRY(format_init(format, NULL, template, "row", err));
	return format_heading(format, titles, err);
}

static int finish(struct format *format, struct err *err)
{
	TRY(format_finish(format, err));
	return out_line("", err);
}

static size_t users_of(const struct world *w, const char *image)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n_containers; i++)
		n += container_uses_image(&w->containers[i], image);
	return n;
}

static struct json *image_line(const struct world *w, const struct image_row *image, int64_t shared)
{
	char since[UNITS_MAX], ago[UNITS_MAX + 8], id[16];
	const char *bare = strchr(image->id, ':');
	struct json *row = json_new_map();

	snprintf(id, sizeof(id), "%.12s", bare ? bare + 1 : image->id);
	units_duration(state_now() / 1000000000 - image->created, since);
	snprintf(ago, sizeof(ago), "%s ago", since);
	json_put_string(row, "Repository", image->repository ? image->repository : "<none>");
	json_put_string(row, "Tag", image->tag ? image->tag : "<none>");
	json_put_string(row, "ID", id);
	json_put_string(row, "CreatedSince", ago);
	put_size(row, image->size);
	put_bytes(row, "SharedSize", shared);
	put_bytes(row, "UniqueSize", image->size - shared);
	put_number(row, "Containers", users_of(w, image->id));
	return row;
}

static int show_images(const struct world *w, struct err *err)
{
	static const char *const names[][2] = { { "Repository", "REPOSITORY" }, { "Tag", "TAG" },
		{ "ID", "IMAGE ID" }, { "CreatedSince", "CREATED" }, { "Size", "SIZE" },
		{ "SharedSize", "SHARED SIZE" }, { "UniqueSize", "UNIQUE SIZE" },
		{ "Containers", "CONTAINERS" }, { NULL, NULL } };
	autoformat struct format format = { 0 };
	autofree int64_t *shared = NULL;
	struct image_row *images = NULL;
	size_t n = 0;
	int r;

	TRY(title("Images", err));
	TRY(begin(&format, IMAGES, names, err));
	TRY(image_list(w->globals, NULL, &images, &n, err));
	shared = xcalloc(n + 1, sizeof(*shared));
	r = image_shared_sizes(w->globals, images, n, shared, err);
	for (size_t i = 0; i < n && r == 0; i++) {
		autojson struct json *row = image_line(w, &images[i], shared[i]);

		r = format_row(&format, row, NULL, err);
	}
	image_rows_free(images, n);
	return r < 0 ? r : finish(&format, err);
}

static int show_containers(const struct world *w, struct err *err)
{
	autoformat struct format format = { 0 };
	autojson struct json *titles = ps_titles();
	autostrv struct strv paths = STRV_INIT;
	autofree int64_t *sizes = xcalloc(w->n_containers + 1, sizeof(*sizes));

	for (size_t i = 0; i < w->n_containers; i++)
		strv_addf(&paths, "%s/upper", w->containers[i].path);
	TRY(tree_sizes(&paths, sizes, err));
	TRY(title("Containers", err));
	TRY(format_init(&format, NULL, CONTAINERS, "row", err));
	TRY(format_heading(&format, titles, err));
	for (size_t i = 0; i < w->n_containers; i++) {
		char size[UNITS_MAX];
		autojson struct json *row = NULL;

		units_size(sizes[i], 3, size);
		row = ps_row(&w->containers[i], &(struct ps_view){ .size = size });
		TRY(format_row(&format, row, NULL, err));
	}
	return finish(&format, err);
}

static int volume_lines(const struct world *w, const struct stored_volume *list, size_t n,
	struct format *format, struct err *err)
{
	autostrv struct strv paths = STRV_INIT;
	autofree int64_t *sizes = xcalloc(n + 1, sizeof(*sizes));

	for (size_t i = 0; i < n; i++)
		strv_add(&paths, list[i].path);
	TRY(tree_sizes(&paths, sizes, err));
	for (size_t i = 0; i < n; i++) {
		autostrv struct strv users = STRV_INIT;
		autojson struct json *row = json_new_map();

		state_volume_users(w->containers, w->n_containers, list[i].name, &users);
		json_put_string(row, "Name", list[i].name);
		put_number(row, "Links", users.n);
		put_size(row, sizes[i]);
		TRY(format_row(format, row, NULL, err));
	}
	return 0;
}

static int show_volumes(const struct world *w, struct err *err)
{
	static const char *const names[][2] = { { "Name", "VOLUME NAME" }, { "Links", "LINKS" },
		{ "Size", "SIZE" }, { NULL, NULL } };
	autoformat struct format format = { 0 };
	struct stored_volume *list = NULL;
	size_t n = 0;
	int r;

	TRY(title("Local Volumes", err));
	TRY(begin(&format, VOLUMES, names, err));
	TRY(state_volume_list(w->globals, &list, &n, err));
	r = volume_lines(w, list, n, &format, err);
	state_volume_list_free(list, n);
	return r < 0 ? r : finish(&format, err);
}

int disk_usage_verbose(const struct globals *globals, struct err *err)
{
	__attribute__((cleanup(world_done))) struct world w = { .globals = globals };
	autobuf struct buf cache = BUF_INIT;
	struct builder_usage usage;
	char size[UNITS_MAX];

	TRY(state_list(globals, &w.containers, &w.n_containers, err));
	TRY(show_images(&w, err));
	TRY(show_containers(&w, err));
	TRY(show_volumes(&w, err));
	TRY(builder_usage(globals, &usage, err));
	units_size(usage.bytes, 4, size);
	buf_addf(&cache, "Build cache usage: %s\n", size);
	return out_write(&cache, err);
}
