/* SPDX-License-Identifier: Apache-2.0 */
/* history: the steps an image was made in, newest first. */
#include "commands/commands.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/output.h"
#include "image/image.h"
#include "state/state.h"

#define TABLE "table {{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
#define EXACT "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
#define TYPE  "*formatter.historyContext"
#define WIDTH 45 /* of the command, in bytes */
#define NS    1000000000

static struct json *titles(void)
{
	static const char *const names[][2] = { { "ID", "IMAGE" }, { "CreatedAt", "CREATED AT" },
		{ "CreatedSince", "CREATED" }, { "CreatedBy", "CREATED BY" }, { "Size", "SIZE" },
		{ "Comment", "COMMENT" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

static void put_id(struct json *row, const char *id, bool whole)
{
	const char *colon = strchr(id, ':');
	char cut[13];

	(void)snprintf(cut, sizeof(cut), "%s", colon ? colon + 1 : id);
	json_put_string(row, "ID", whole ? id : cut);
}

static void put_times(struct json *row, const char *created, bool human)
{
	char text[UNITS_MAX], ago[UNITS_MAX + 8] = "N/A";
	int64_t ns = 0;

	if (state_time_parse(created, &ns) == 0 && ns > 0) {
		units_duration((state_now() - ns) / NS, text);
		(void)snprintf(ago, sizeof(ago), "%s ago", text);
	}
	json_put_string(row, "CreatedAt", created);
	json_put_string(row, "CreatedSince", human ? ago : created);
}

/* Tabs would be columns; a cut never leaves half a character. */
static void put_command(struct json *row, const char *command, bool whole)
{
	autofree char *text = xstrdup(command);
	size_t cut = WIDTH - 1;

	for (char *p = text; *p; p++)
		*p = (char)(*p == '\t' || *p == '\n' ? ' ' : *p);
	if (!whole && strlen(text) > WIDTH) {
		autofree char *shorter = NULL;

		while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
			cut--;
		shorter = xasprintf("%.*s…", (int)cut, text);
		json_put_string(row, "CreatedBy", shorter);
		return;
	}
	json_put_string(row, "CreatedBy", text);
}

static struct json *row_of(const struct json *step, const struct history_opts *opts)
{
	int64_t size = json_int(json_get(step, "Size"), 0);
	struct json *row = json_new_map();
	char text[UNITS_MAX];

	if (opts->human)
		units_size(size, 3, text);
	else
		(void)snprintf(text, sizeof(text), "%lld", (long long)size);
	/* in the order of their names, as Docker's json has them */
	json_put_string(row, "Comment", json_str(json_get(step, "Comment"), ""));
	json_put_string(row, "CreatedAt", "");
	put_command(row, json_str(json_get(step, "CreatedBy"), ""), opts->no_trunc);
	put_times(row, json_str(json_get(step, "Created"), ""), opts->human);
	put_id(row, json_str(json_get(step, "Id"), ""), opts->no_trunc);
	json_put_string(row, "Size", text);
	return row;
}

int cmd_history(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(history_opts_done))) struct history_opts opts = { 0 };
	autojson struct json *heading = titles(), *steps = NULL;
	autoformat struct format format = { 0 };

	TRY(history_opts_parse(argc, argv, &opts, err));
	TRY(format_init(&format, opts.format,
		opts.quiet   ? "{{.ID}}"
		: opts.human ? TABLE
			     : EXACT,
		TYPE, err));
	TRY(image_history(globals, opts.image, opts.platform, &steps, err));
	TRY(format_heading(&format, heading, err));
	json_each (it, steps) {
		autojson struct json *row = row_of(it.value, &opts);

		TRY(format_row(&format, row, NULL, err));
	}
	return format_finish(&format, err);
}
