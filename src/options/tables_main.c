/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-tables: prints what is made from the option tables when sbx is built. Not installed.
 *
 *	sbx-tables                    one line per man page, its name and summary
 *	sbx-tables man PAGE           SYNOPSIS and OPTIONS of "sbx" or "sbx-run", in man(7)
 *	sbx-tables completion SHELL   the script for bash, zsh or fish
 *	sbx-tables absent             "flags|PATHS|FLAGS|WHY" and "commands|GROUP|NAMES|WHY"
 */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "options/absent.h"
#include "options/command.h"

#define PAGE_MAX 64

/* "volume ls" has the page sbx-volume-ls. */
static void page_name(const struct command *c, char ret[PAGE_MAX])
{
	(void)snprintf(ret, PAGE_MAX, "%s", c->spec.path);
	for (char *s = ret; (s = strchr(s, ' '));)
		*s = '-';
}

static void print_list(struct buf *out)
{
	const struct command *c;

	buf_adds(out, "sbx run containers without root and without a daemon\n");
	for (size_t i = 0; (c = command_at(i)); i++) {
		char page[PAGE_MAX];

		page_name(c, page);
		buf_addf(out, "sbx-%s %s\n", page, c->summary);
	}
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
		char page[PAGE_MAX];

		page_name(c, page);
		if (strcmp(page, name) != 0)
			continue;
		print_page(c->usage, c->spec.path, c->spec.table, out);
		return 0;
	}
	return -1;
}

static int print_man(const char *page, struct buf *out)
{
	if (strncmp(page, "sbx-", 4) == 0)
		return print_command(page + 4, out);
	print_page("[OPTIONS] COMMAND [ARG...]", "", command_global_options(), out);
	return strcmp(page, "sbx") == 0 ? 0 : -1;
}

static void print_absent(struct buf *out)
{
	const struct absent *row;

	for (size_t i = 0; (row = absent_flags_at(i)); i++)
		buf_addf(out, "flags|%s|%s|%s\n", row->of, row->names, row->why);
	for (size_t i = 0; (row = absent_commands_at(i)); i++)
		buf_addf(out, "commands|%s|%s|%s\n", row->of, row->names, row->why);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	int r = -1;

	if (argc == 1) {
		print_list(&out);
		r = 0;
	} else if (argc == 2 && strcmp(argv[1], "absent") == 0) {
		print_absent(&out);
		r = 0;
	} else if (argc == 3 && strcmp(argv[1], "man") == 0) {
		r = print_man(argv[2], &out);
	} else if (argc == 3 && strcmp(argv[1], "completion") == 0) {
		r = completion_script(argv[2], &out, &err);
	}
	if (r == 0)
		(void)fputs(out.data, stdout); /* fflush tells */
	buf_done(&out);
	return r == 0 && fflush(stdout) == 0 ? 0 : 1;
}
