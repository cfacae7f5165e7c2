/* SPDX-License-Identifier: Apache-2.0 */
/* images: lists the local store. */
#include "commands/commands.h"

#include <errno.h>
#include <fnmatch.h>

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

/* ---- --filter ---- */

static bool is_dangling(const struct image_row *image)
{
	return !image->repository || !image->tag;
}

static bool matches_reference(const struct image_row *image, const char *pattern)
{
	autofree char *whole = is_dangling(image)
				       ? xstrdup("")
				       : xasprintf("%s:%s", image->repository, image->tag);

	return *whole && (fnmatch(pattern, whole, FNM_PATHNAME) == 0 ||
				 fnmatch(pattern, image->repository, FNM_PATHNAME) == 0);
}

static int has_label(const struct globals *globals, const struct image_row *image, const char *want,
	struct err *err)
{
	size_t len = strcspn(want, "=");
	autofree char *key = xstrndup(want, len);
	autojson struct json *doc = NULL;
	const char *value;

	TRY(image_inspect(globals, image->id, &doc, err));
	value = json_str(json_path(doc, "Config", "Labels", key, NULL), NULL);
	return value && (!want[len] || strcmp(value, want + len + 1) == 0);
}

/* before=, since=: compared with another image's time. */
static int is_older(const struct globals *globals, const struct image_row *image, const char *than,
	struct err *err)
{
	autojson struct json *doc = NULL;
	int64_t ns = 0;

	TRY(image_inspect(globals, than, &doc, err));
	(void)state_time_parse(
		json_str(json_get(doc, "Created"), ""), &ns); /* undated: the epoch */
	return image->created < ns / NS ? 1 : image->created > ns / NS ? 2 : 0;
}

static int filter_matches(const struct globals *globals, const struct image_row *image,
	const char *filter, struct err *err)
{
	const char *value = strchr(filter, '=');
	size_t key = value ? (size_t)(value - filter) : strlen(filter);
	int order;

	if (!value++)
		return err_set(
			err, -EINVAL, "bad format of filter (expected name=value): %s", filter);
	if (strncmp(filter, "dangling", key) == 0 && key == 8)
		return is_dangling(image) ==
		       (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
	if (strncmp(filter, "reference", key) == 0 && key == 9)
		return matches_reference(image, value);
	if (strncmp(filter, "label", key) == 0 && key == 5)
		return has_label(globals, image, value, err);
	if ((strncmp(filter, "before", key) != 0 || key != 6) &&
		(strncmp(filter, "since", key) != 0 || key != 5))
		return err_set(err, -EINVAL, "invalid filter '%.*s'", (int)key, filter);
	order = is_older(globals, image, value, err);
	TRY(order);
	return order == (filter[0] == 'b' ? 1 : 2);
}

static int wanted(const struct globals *globals, const struct images_opts *opts,
	const struct image_row *image, struct err *err)
{
	strv_each (filter, &opts->filters) {
		int r = filter_matches(globals, image, *filter, err);

		if (r <= 0)
			return r;
	}
	return 1;
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
	fallback = opts.quiet ? "{{.ID}}" : opts.digests ? DIGESTS : TABLE;
	TRY(format_init(&format, opts.format, fallback, TYPE, err));
	TRY(image_list(globals, opts.name, &rows.list, &rows.n, err));
	TRY(format_heading(&format, heading, err));
	for (size_t i = 0; i < rows.n; i++) {
		autojson struct json *row = row_of(&rows.list[i], opts.no_trunc,
			opts.digests || template_uses(format.template, "Digest"));
		int r = wanted(globals, &opts, &rows.list[i], err);

		TRY(r);
		if (r > 0)
			TRY(format_row(&format, row, NULL, err));
	}
	return format_finish(&format, err);
}
