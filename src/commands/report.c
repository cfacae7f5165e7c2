/* SPDX-License-Identifier: Apache-2.0 */
/* report: what a container did, for people or as JSON. Names in it are the container's: escaped. */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/launch.h"
#include "commands/output.h"
#include "options/verbs.h"

#define SHOWN 20 /* lines of one section; the rest is counted */

static void heading(struct buf *out, const char *title, size_t n)
{
	buf_addf(out, "%s (%zu)\n", title, n);
}

static void more(struct buf *out, size_t n)
{
	if (n > SHOWN)
		buf_addf(out, "  … and %zu more (--format json has all)\n", n - SHOWN);
}

/* {NAME: COUNT}, as they came. */
static void add_counts(struct buf *out, const char *title, const struct json *map)
{
	size_t n = 0;

	heading(out, title, json_len(map));
	json_each (it, map) {
		if (n++ >= SHOWN)
			break;
		buf_addf(out, "  %6lld  ", (long long)json_int(it.value, 0));
		out_escape(it.key, out);
		buf_addc(out, '\n');
	}
	more(out, json_len(map));
}

static void add_files(struct buf *out, const struct json *doc)
{
	size_t all = (size_t)json_int(json_get(doc, "filesChanged"), 0), n = 0;
	const char *lost = json_str(json_get(doc, "filesError"), NULL);

	heading(out, "Files changed", all);
	if (lost)
		buf_addf(out, "  unknown: %s\n", lost);
	json_each (it, json_get(doc, "files")) {
		if (n++ >= SHOWN)
			break;
		buf_addf(out, "  %-8s %10lld  ", json_str(json_get(it.value, "change"), ""),
			(long long)json_int(json_get(it.value, "size"), 0));
		out_escape(json_str(json_get(it.value, "path"), ""), out);
		buf_addc(out, '\n');
	}
	more(out, all);
}

static void add_connections(struct buf *out, const struct json *doc)
{
	const struct json *all = json_get(doc, "connections");
	const char *lost = json_str(json_get(doc, "connectionsError"), NULL);
	size_t n = 0;

	if (!all && !lost)
		return;
	heading(out, "Connections", json_len(all));
	if (lost)
		buf_addf(out, "  unknown: %s\n", lost);
	json_each (it, all) {
		autofree char *to = launch_report_rule(it.value);

		if (n++ >= SHOWN)
			break;
		buf_addf(out, "  %-8s %-4s %10lld sent %10lld received  ",
			json_str(json_get(it.value, "verdict"), ""),
			json_str(json_get(it.value, "proto"), ""),
			(long long)json_int(json_get(it.value, "sent"), 0),
			(long long)json_int(json_get(it.value, "received"), 0));
		out_escape(to, out);
		buf_addc(out, '\n');
	}
	more(out, json_len(all));
}

/* Counts of 0 say that a limit was watched and not hit. */
static void add_limits(struct buf *out, const struct json *doc)
{
	static const char *const names[][2] = { { "memory", "allocations held up by --memory" },
		{ "oomKills", "processes killed for --memory" },
		{ "processes", "forks refused by --pids-limit" },
		{ "cpu", "periods throttled by --cpus" }, { "cpuSeconds", "ended by --ulimit cpu" },
		{ "fileSize", "ended by --ulimit fsize" } };
	const struct json *limits = json_get(doc, "limits");
	size_t n = 0;

	json_each (it, limits)
		n += json_int(it.value, 0) > 0;
	heading(out, "Limits hit", n);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int64_t times = json_int(json_get(limits, names[i][0]), 0);

		if (times > 0)
			buf_addf(out, "  %6lld  %s\n", (long long)times, names[i][1]);
	}
	if (!json_bool(json_get(doc, "limitsCounted"), true))
		buf_adds(out,
			"  memory, processes and cpu: not counted, the container had no cgroup of its own\n");
}

void report_print(const struct json *doc, struct buf *out)
{
	buf_adds(out, "Report of ");
	out_escape(json_str(json_get(doc, "container"), ""), out);
	buf_adds(out, ", image ");
	out_escape(json_str(json_get(doc, "image"), ""), out);
	buf_addf(out, ": exit code %lld after %lld s\n",
		(long long)json_int(json_get(doc, "exitCode"), 0),
		(long long)json_int(json_get(doc, "seconds"), 0));
	if (json_get(doc, "watcherKilled"))
		buf_addf(out,
			"Its watcher was killed %lld times: programs and calls before that are missing\n",
			(long long)json_int(json_get(doc, "watcherKilled"), 0));
	add_counts(out, "Programs started", json_get(doc, "started"));
	add_counts(out, "System calls refused", json_get(doc, "refused"));
	if (json_get(doc, "limits"))
		add_limits(out, doc);
	add_connections(out, doc);
	add_files(out, doc);
	if (json_get(doc, "inet"))
		buf_addf(out, "Internet sockets: %s\n",
			json_bool(json_get(doc, "inet"), false) ? "asked for" : "none");
}

int cmd_report(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(report_opts_done))) struct report_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	autojson struct json *doc = NULL;
	autobuf struct buf out = BUF_INIT;

	TRY(report_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	autofd int fd = openat(c.dir, "report.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && !c.started)
		return err_set(err, -ENOENT, "container %s has not run yet", c.name);
	if (fd < 0 && errno == ENOENT)
		return err_set(err, -ENOENT,
			"container %s was not watched: start it with `sbx run --report`", c.name);
	if (fd < 0)
		return err_sys(err, "open the report of container %s", c.name);
	if (c.status == STATUS_RUNNING || c.status == STATUS_PAUSED)
		return err_set(err, -EBUSY,
			"container %s is running: its report is written when it ends", c.name);
	TRY(launch_report_read(fd, &doc, err));
	if (opts.json)
		json_write(doc, 2, &out);
	else
		report_print(doc, &out);
	if (opts.json)
		buf_addc(&out, '\n');
	return out_write(&out, err);
}
