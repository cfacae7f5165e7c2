/* SPDX-License-Identifier: Apache-2.0 */
/* images: lists the local store. */
#include "commands/commands.h"

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"
#include "state/state.h"

#define CREATED "{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}"
#define TABLE   "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t" CREATED "\t{{.Size}}"
#define DIGESTS "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t" CREATED "\t{{.Size}}"
#define TYPE    "*formatter.imageContext"
#define NS      1000000000

struct rows {
	struct image_row *list;
	size_t n;
};

static void rows_done(struct rows *rows)
{
	image_rows_free(rows->list, rows->n);
}

static const char *or_none(const char *text)
{
	return text && *text ? text : "<none>";
}

static struct json *titles(void)
{
	static const char *const names[][2] = { { "Containers", "CONTAINERS" },
		{ "CreatedAt", "CREATED AT" }, { "CreatedSince", "CREATED" },
		{ "Digest", "DIGEST" }, { "ID", "IMAGE ID" }, { "Repository", "REPOSITORY" },
		{ "SharedSize", "SHARED SIZE" }, { "Size", "SIZE" }, { "Tag", "TAG" },
		{ "UniqueSize", "UNIQUE SIZE" }, { "VirtualSize", "SIZE" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

/* 12 digits, or the whole "sha256:…" */
static void put_id(struct json *row, const char *id, bool whole)
{
	const char *colon = strchr(id, ':');
	char cut[13];

	snprintf(cut, sizeof(cut), "%s", colon ? colon + 1 : id);
	json_put_string(row, "ID", whole ? id : cut);
}

static void put_created(struct json *row, int64_t created)
{
	char text[UNITS_MAX], ago[UNITS_MAX + 8] = "";

	units_local_time(created * NS, text);
	json_put_string(row, "CreatedAt", text);
	if (created > 0) {
		units_duration(state_now() / NS - created, text);
		snprintf(ago, sizeof(ago), "%s ago", text);
	}
	json_put_string(row, "CreatedSince", ago);
}

static struct json *row_of(const struct image_row *image, bool no_trunc, bool digest)
{
	struct json *row = json_new_map();
	char size[UNITS_MAX];

	units_size(image->size, 3, size);
	json_put_string(row, "Containers", "N/A");
	put_created(row, image->created);
	json_put_string(row, "Digest", or_none(digest ? image->digest : NULL));
	put_id(row, image->id, no_trunc);
	json_put_string(row, "Repository", or_none(image->repository));
	json_put_string(row, "SharedSize", "N/A");
	json_put_string(row, "Size", size);
	json_put_string(row, "Tag", or_none(image->tag));
	json_put_string(row, "UniqueSize", "N/A");
	units_size(image->size, 4, size);
	json_put_string(row, "VirtualSize", size);
	return row;
}

int cmd_images(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(images_opts_done))) struct images_opts opts = { 0 };
	__attribute__((cleanup(rows_done))) struct rows rows = { 0 };
	autoformat struct format format = { 0 };
	autojson struct json *heading = titles();
	const char *fallback;

	TRY(images_opts_parse(argc, argv, &opts, err));
	if (opts.tree)
		return images_tree(globals, opts.name, err);
	TRY(images_check_filters(&opts.filters, err));
	fallback = opts.quiet ? "{{.ID}}" : opts.digests ? DIGESTS : TABLE;
	TRY(format_init(&format, opts.format, fallback, TYPE, err));
	TRY(image_list(globals, opts.name, &rows.list, &rows.n, err));
	TRY(format_heading(&format, heading, err));
	for (size_t i = 0; i < rows.n; i++) {
		autojson struct json *row = row_of(&rows.list[i], opts.no_trunc,
			opts.digests || template_uses(format.template, "Digest"));
		int r = images_filter_match(globals, &opts.filters, &rows.list[i], err);

		TRY(r);
		if (r > 0)
			TRY(format_row(&format, row, NULL, err));
	}
	return format_finish(&format, err);
}
