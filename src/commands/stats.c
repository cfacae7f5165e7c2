/* SPDX-License-Identifier: Apache-2.0 */
/* stats: what containers use, once or once a second. The processors' part is taken between two looks. */
#include "commands/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "commands/usage.h"
#include "options/verbs.h"

#define TABLE                                                                                  \
	"table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{." \
	"BlockIO}}\t{{.PIDs}}"
#define TYPE     "*container.statsContext"
#define PAUSE_MS 1000

struct shown {
	char *id; /* of the container, as it was named */
	struct usage last;
	bool seen; /* `last` is set */
};

struct stats {
	const struct globals *globals;
	const struct stats_opts *opts;
	struct shown *list;
	size_t n;
};

static void stats_done(struct stats *stats)
{
	for (size_t i = 0; i < stats->n; i++)
		free(stats->list[i].id);
	free(stats->list);
}

static void add(struct stats *stats, const char *id)
{
	for (size_t i = 0; i < stats->n; i++)
		if (strcmp(stats->list[i].id, id) == 0)
			return;
	stats->list = xreallocarray(stats->list, stats->n + 1, sizeof(*stats->list));
	stats->list[stats->n++] = (struct shown){ .id = xstrdup(id) };
}

/* Without names: those that run now, or all; new ones are noticed. */
static int find(struct stats *stats, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	if (stats->opts->containers.n) {
		strv_each (name, &stats->opts->containers) {
			autocontainer struct container c = CONTAINER_INIT;

			TRY(state_open(stats->globals, *name, &c, err));
			add(stats, c.id);
		}
		return 0;
	}
	TRY(stats->opts->all ? state_list(stats->globals, &list, &n, err)
			     : state_list_up(stats->globals, &list, &n, err));
	for (size_t i = 0; i < n; i++)
		add(stats, list[i].id);
	state_list_free(list, n);
	return 0;
}

static void put_pair(struct json *row, const char *key, const char *a, const char *b)
{
	autofree char *text = xasprintf("%s / %s", a, b);

	json_put_string(row, key, text);
}

static void put_percent(struct json *row, const char *key, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.2f%%", value);
	json_put_string(row, key, text);
}

static double cpu_percent(const struct usage *before, const struct usage *now)
{
	int64_t wall = now->when - before->when, cpu = now->cpu - before->cpu;

	return wall > 0 && cpu > 0 ? 100.0 * (double)cpu / (double)wall : 0;
}

static void put_usage(struct json *row, const struct usage *before, const struct usage *now)
{
	char a[UNITS_MAX], b[UNITS_MAX];

	put_percent(row, "CPUPerc", before ? cpu_percent(before, now) : 0);
	units_binary(now->memory, a);
	units_binary(now->limit, b);
	put_pair(row, "MemUsage", a, b);
	put_percent(
		row, "MemPerc", now->limit ? 100.0 * (double)now->memory / (double)now->limit : 0);
	units_size(now->received, 3, a);
	units_size(now->sent, 3, b);
	put_pair(row, "NetIO", a, b);
	units_size(now->read, 3, a);
	units_size(now->written, 3, b);
	put_pair(row, "BlockIO", a, b);
	snprintf(a, sizeof(a), "%lld", (long long)now->pids);
	json_put_string(row, "PIDs", a);
}

static struct json *titles(void)
{
	static const char *const names[][2] = { { "BlockIO", "BLOCK I/O" }, { "CPUPerc", "CPU %" },
		{ "Container", "CONTAINER" }, { "ID", "CONTAINER ID" }, { "MemPerc", "MEM %" },
		{ "MemUsage", "MEM USAGE / LIMIT" }, { "Name", "NAME" }, { "NetIO", "NET I/O" },
		{ "PIDs", "PIDS" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

static struct json *row_of(struct shown *shown, const struct container *c, bool no_trunc)
{
	struct usage now = { 0 };
	struct err none = ERR_INIT; /* it does not run: nothing is used */
	autojson struct json *heading = titles();
	struct json *row = json_new_map();
	autofree char *id = xasprintf("%.*s", no_trunc ? 64 : 12, c->id);

	if (!container_up(c) || usage_read(c, &now, &none) < 0)
		now = (struct usage){ 0 };
	json_each (it, heading) /* in the order of their names, as Docker's json has them */
		json_put_string(row, it.key, "");
	put_usage(row, shown->seen ? &shown->last : NULL, &now);
	json_put_string(row, "Container", id);
	json_put_string(row, "ID", id);
	json_put_string(row, "Name", c->name);
	shown->last = now;
	shown->seen = true;
	return row;
}

/* format NULL: only looks, for the first processor times. */
static int look(struct stats *stats, struct format *format, struct err *err)
{
	for (size_t i = 0; i < stats->n; i++) {
		autocontainer struct container c = CONTAINER_INIT;
		autojson struct json *row = NULL;
		struct err gone = ERR_INIT;

		if (state_open(stats->globals, stats->list[i].id, &c, &gone) < 0)
			continue; /* removed */
		if (!container_up(&c) && !stats->opts->all && !stats->opts->containers.n)
			continue;
		row = row_of(&stats->list[i], &c, stats->opts->no_trunc);
		if (format)
			TRY(format_row(format, row, NULL, err));
	}
	return 0;
}

static int show(struct stats *stats, struct err *err)
{
	autoformat struct format format = { 0 };
	autojson struct json *heading = titles();
	autobuf struct buf clear = BUF_INIT;

	TRY(format_init(&format, stats->opts->format, TABLE, TYPE, err));
	TRY(format_heading(&format, heading, err));
	TRY(look(stats, &format, err));
	if (!stats->opts->no_stream && isatty(STDOUT_FILENO)) {
		buf_adds(&clear, "\033[H\033[J"); /* the table again in its place */
		TRY(out_write(&clear, err));
	}
	return format_finish(&format, err);
}

int cmd_stats(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(stats_opts_done))) struct stats_opts opts = { 0 };
	__attribute__((cleanup(stats_done))) struct stats stats = { .globals = globals,
		.opts = &opts };
	const struct timespec pause = { .tv_sec = PAUSE_MS / 1000 };

	TRY(stats_opts_parse(argc, argv, &opts, err));
	TRY(find(&stats, err));
	TRY(look(&stats, NULL, err));
	do {
		if (stats.n || !opts.no_stream)
			(void)nanosleep(&pause, NULL); /* a signal only shortens it */
		TRY(find(&stats, err));
		TRY(show(&stats, err));
	} while (!opts.no_stream);
	return 0;
}
