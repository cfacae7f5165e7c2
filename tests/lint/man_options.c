/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what man pages take from the option tables. Without an argument: one line per page, its name and
 * summary. With a page's name ("sbx", "sbx-run"): its SYNOPSIS and OPTIONS sections in man(7).
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "options/command.h"

static void print_list(struct buf *out)
{
	const struct command *c;

	buf_adds(out, "sbx run containers without root and without a daemon\n");
	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->name)
			buf_addf(out, "sbx-%s %s\n", c->name, c->summary);
}

static void print_page(
	const char *usage, const char *path, const struct opt *table, struct buf *out)
{
	buf_adds(out, ".SH SYNOPSIS\n\\fBsbx");
	if (*path)
		buf_addf(out, " %s", path);
	buf_addf(out, "\\fR %s\n", usage);
	if (table->kind == OPT_KIND_END)
		return;
	buf_adds(out, ".SH OPTIONS\n");
	man_options(table, out);
}

static int print_command(const char *name, struct buf *out)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		if (!c->name || strcmp(c->name, name) != 0)
			continue;
		print_page(c->usage, c->name, c->spec.table, out);
		return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct buf out = BUF_INIT;

	if (argc < 2)
		print_list(&out);
	else if (strcmp(argv[1], "sbx") == 0)
		print_page("[OPTIONS] COMMAND [ARG...]", "", command_global_options(), &out);
	else if (strncmp(argv[1], "sbx-", 4) != 0 || print_command(argv[1] + 4, &out) < 0)
		return 1;
	fputs(out.data, stdout);
	buf_done(&out);
	return fflush(stdout) == 0 ? 0 : 1;
}
