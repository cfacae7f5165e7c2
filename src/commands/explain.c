/* SPDX-License-Identifier: Apache-2.0 */
/* explain: the rows of docs/errors.md, which is built in, for people who have a message's id. */
#include "commands/explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/commands.h"
#include "commands/output.h"
#include "messages.h"
#include "options/verbs.h"

#define WIDTH 78

/* "| ID | meaning | what to do |" → its cells; false: no row of a table of messages. */
static bool read_row(char *line, struct message *ret)
{
	char *cells[3];

	for (size_t i = 0; i < ARRAY_SIZE(cells); i++) {
		char *bar;

		if (strncmp(line, "| ", 2) != 0)
			return false;
		cells[i] = line + 2;
		bar = strstr(cells[i], " |");
		if (!bar)
			return false;
		*bar = '\0';
		line = bar + 1;
	}
	if (!strchr("EWI", cells[0][0]) || cells[0][1] != '-')
		return false;
	*ret = (struct message){ cells[0], cells[1], cells[2] };
	return true;
}

void explain_each(char *table, explain_fn fn, void *data)
{
	struct message message;

	for (char *line = strsep(&table, "\n"); line; line = strsep(&table, "\n"))
		if (read_row(line, &message))
			fn(data, &message);
}

/* Lines of at most WIDTH, below each other; code marks are for the page only. */
static void add_paragraph(const char *title, const char *text, struct buf *out)
{
	size_t column = (size_t)-1;

	buf_addf(out, "  %s\n    ", title);
	for (const char *word = text; *word;) {
		size_t len = strcspn(word, " ");

		if (column != (size_t)-1) {
			bool fits = column + 1 + len <= WIDTH - 4;

			buf_adds(out, fits ? " " : "\n    ");
			column = fits ? column + 1 : 0;
		} else {
			column = 0;
		}
		for (size_t i = 0; i < len; i++)
			if (word[i] != '`')
				buf_addc(out, word[i]);
		column += len;
		word += len;
		word += strspn(word, " ");
	}
	buf_addc(out, '\n');
}

struct search {
	const char *id; /* NULL: all, a line each */
	bool found;
	struct buf *out;
};

static void show(void *data, const struct message *message)
{
	struct search *search = data;

	if (!search->id) {
		buf_addf(search->out, "%s\t%s\n", message->id, message->means);
		return;
	}
	if (strcasecmp(message->id, search->id) != 0)
		return;
	search->found = true;
	buf_addf(search->out, "%s\n", message->id);
	add_paragraph("What it means", message->means, search->out);
	add_paragraph("What to do", message->mend, search->out);
}

static int explain_one(const char *id, struct buf *out, struct err *err)
{
	autofree char *table = xstrdup(messages);
	struct search search = { .id = id, .out = out };

	explain_each(table, show, &search);
	if (search.found)
		return 0;
	return err_set(
		err, -ENOENT, "there is no message '%s'; `sbx explain` lists all there are", id);
}

int cmd_explain(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv ids = STRV_INIT;
	autobuf struct buf out = BUF_INIT, lines = BUF_INIT;

	struct err ignored = ERR_INIT;
	int r = 0;

	(void)globals;
	TRY(explain_ids_parse(argc, argv, &ids, err));
	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = explain_one(ids.v[i], &out, err);
	if (ids.n == 0) {
		autofree char *table = xstrdup(messages);
		struct search search = { .out = &lines };

		explain_each(table, show, &search);
		table_align(lines.data, &out);
	}
	return r < 0 ? (void)out_write(&out, &ignored), r : out_write(&out, err);
}
