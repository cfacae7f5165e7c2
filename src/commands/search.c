/* SPDX-License-Identifier: Apache-2.0 */
/* search: sbx-image asks the registry, here the answer becomes rows. manifest inspect: it is printed as
 * it comes. */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"

#define TABLE      "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
#define TYPE       "*registry.searchContext"
#define ANSWER_MAX ((size_t)16 << 20)
#define WIDTH      45 /* of descriptions, in bytes */

static struct json *titles(void)
{
	static const char *const names[][2] = { { "Name", "NAME" },
		{ "Description", "DESCRIPTION" }, { "StarCount", "STARS" },
		{ "IsOfficial", "OFFICIAL" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

/* One line, and never half a character at its end. */
static void put_description(struct json *row, const char *text, bool whole)
{
	autofree char *line = xstrdup(text);
	size_t cut = WIDTH - 3;

	for (char *p = line; *p; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	if (!whole && strlen(line) > WIDTH) {
		while (cut > 0 && ((unsigned char)line[cut] & 0xc0) == 0x80)
			cut--;
		memcpy(line + cut, "…", sizeof("…"));
	}
	json_put_string(row, "Description", line);
}

static struct json *row_of(const struct json *found, const struct search_opts *opts)
{
	bool json = opts->format &&
		    (strcmp(opts->format, "json") == 0 || strcmp(opts->format, "{{json .}}") == 0);
	bool official = json_bool(json_get(found, "official"), false);
	struct json *row = json_new_map();
	autofree char *stars = xasprintf("%lld", (long long)json_int(json_get(found, "stars"), 0));

	put_description(row, json_str(json_get(found, "description"), ""), opts->no_trunc);
	json_put_string(row, "IsOfficial",
		json       ? official ? "true" : "false"
		: official ? "[OK]"
			   : "");
	json_put_string(row, "Name", json_str(json_get(found, "name"), ""));
	json_put_string(row, "StarCount", stars);
	return row;
}

static bool matches(const struct search_opts *opts, const struct json *found)
{
	bool official = json_bool(json_get(found, "official"), false);

	return !opts->nothing && json_int(json_get(found, "stars"), 0) >= opts->stars &&
	       !(opts->official && !official) && !(opts->unofficial && official);
}

/* ---- the question ---- */

/* 0, or the exit status of sbx-image, which has said why. */
static int ask(const struct globals *globals, const struct search_opts *opts, struct json **ret,
	struct err *err)
{
	autofd int fd = memfd_create("sbx-search", MFD_CLOEXEC);
	autofree char *limit = xasprintf("%lld", (long long)opts->limit);
	char *args[] = { (char *)"search", limit, opts->term, NULL };
	autofree char *path = xasprintf("/proc/self/fd/%d", fd);
	int status;

	if (fd < 0)
		return err_sys(err, "memory for the answer");
	status = image_helper(globals, args, fd, err);
	if (status != 0)
		return status;
	return json_read_at(AT_FDCWD, path, ANSWER_MAX, ret, err);
}

int cmd_search(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(search_opts_done))) struct search_opts opts = { 0 };
	autojson struct json *found = NULL, *heading = titles();
	autoformat struct format format = { 0 };
	int r;

	TRY(search_opts_parse(argc, argv, &opts, err));
	TRY(format_init(&format, opts.format, TABLE, TYPE, err));
	r = ask(globals, &opts, &found, err);
	if (r != 0)
		return r;
	TRY(format_heading(&format, heading, err));
	json_each (it, found) {
		autojson struct json *row = row_of(it.value, &opts);

		if (matches(&opts, it.value))
			TRY(format_row(&format, row, NULL, err));
	}
	return format_finish(&format, err);
}

int cmd_manifest_inspect(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(manifest_opts_done))) struct manifest_opts opts = { 0 };
	autostrv struct strv args = STRV_INIT;

	(void)argc;
	TRY(manifest_opts_parse(argv, &opts, err));
	strv_add(&args, "manifest-inspect");
	if (opts.insecure)
		strv_add(&args, "--insecure");
	if (opts.verbose)
		strv_add(&args, "--verbose");
	strv_add(&args, "--");
	strv_add(&args, opts.image);
	return image_helper(globals, args.v, STDOUT_FILENO, err);
}
