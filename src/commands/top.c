/* SPDX-License-Identifier: Apache-2.0 */
/*
 * top: the host's ps(1), of which the rows with pids of the container are shown. So it works without
 * any program of the image, and runs none (CVE-2022-1227): threat C02.
 */
#include "commands/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/spawn.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

#define PS_MAX   (64u << 20)
#define CELL_MIN 20 /* Docker's */

static int run_ps(const struct strv *args, char **ret, struct err *err)
{
	autostrv struct strv argv = STRV_INIT;
	struct spawn ps = { .path = "ps" };
	int r;

	strv_add(&argv, "ps");
	if (args->n)
		strv_extend(&argv, args);
	else
		strv_add(&argv, "-ef");
	ps.argv = argv.v;
	r = spawn_capture(&ps, PS_MAX, ret, err);
	if (r == -ENOENT)
		return err_set(err, r, "top needs the program ps on the host (package procps)");
	if (r > 0) /* it has said why */
		return err_set(err, -EINVAL, "Error running ps: exit status %d", r);
	return r < 0 ? err_wrap(err, "run ps") : 0;
}

/* The text between blanks that begins column n (from 0) of a line; its length. */
static size_t field(const char *line, size_t n, const char **ret)
{
	for (;; n--) {
		line += strspn(line, " \t");
		*ret = line;
		if (n == 0 || !*line || *line == '\n')
			return strcspn(line, " \t\n");
		line += strcspn(line, " \t\n");
	}
}

static size_t count_fields(const char *line)
{
	const char *at;
	size_t n = 0;

	while (field(line, n, &at) > 0)
		n++;
	return n;
}

static int find_pid_column(const char *heading, size_t *ret, struct err *err)
{
	size_t n = count_fields(heading);
	const char *at;

	for (size_t i = 0; i < n; i++) {
		if (field(heading, i, &at) == 3 && strncmp(at, "PID", 3) == 0) {
			*ret = i;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "Couldn't find PID field in ps output");
}

/* The last column goes on to the end of the line. */
static void add_line(const char *line, size_t columns, struct buf *out)
{
	for (size_t i = 0; i < columns; i++) {
		autobuf struct buf cell = BUF_INIT;
		const char *at;
		size_t n = field(line, i, &at);

		if (i + 1 == columns)
			n = strcspn(at, "\n");
		while (n > 0 && at[n - 1] == ' ')
			n--;
		buf_add(&cell, at, n);
		buf_addc(&cell, '\0');
		out_escape(cell.data, out);
		buf_addc(out, i + 1 == columns ? '\n' : '\t');
	}
}

static bool has_pid(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static int show(const char *text, const pid_t *pids, size_t n, struct err *err)
{
	autobuf struct buf lines = BUF_INIT, table = BUF_INIT;
	size_t columns = count_fields(text), column = 0;
	const char *at;

	TRY(find_pid_column(text, &column, err));
	add_line(text, columns, &lines);
	for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line, '\n')) {
		line++;
		if (field(line, column, &at) > 0 && has_pid(pids, n, (pid_t)strtoll(at, NULL, 10)))
			add_line(line, columns, &lines);
	}
	table_align_min(lines.data, CELL_MIN, &table);
	return out_write(&table, err);
}

int cmd_top(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(top_opts_done))) struct top_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	autofree pid_t *pids = NULL;
	autofree char *text = NULL;
	size_t n = 0;

	TRY(top_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	if (!container_up(&c))
		return err_set(err, -ESRCH, "container %s is not running", c.id);
	TRY(container_pids(&c, &pids, &n, err));
	TRY(run_ps(&opts.args, &text, err));
	event_container(globals, &c, "top", NULL, NULL);
	return show(text, pids, n, err);
}
