/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: reads the log of events (src/state/events.h) and waits for more with inotify. Rotation: the file
 * that is being read is read to its end after its name has moved on, then the new one from its start.
 * What was rotated away twice while nobody looked is lost; a log holds thousands of events.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/own.h"
#include "commands/event_filter.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "state/state.h"

#define BLOCK 65536
#define NS    1000000000LL

struct events {
	const struct events_opts *opts;
	struct format format; /* template NULL: Docker's own line */
	int dir, watching, fd;
	struct buf rest; /* an unfinished line */
	int64_t end;     /* of --until, ns */
	bool over;
};

static void events_done(struct events *e)
{
	format_done(&e->format);
	fd_drop(&e->dir);
	fd_drop(&e->watching);
	fd_drop(&e->fd);
	buf_done(&e->rest);
}

/* ---- showing ---- */

static void add_escaped(struct buf *out, const char *text)
{
	out_escape(text, out);
}

/* time TYPE ACTION ID (key=value, …) */
static int show_line(const struct json *event, struct err *err)
{
	const struct json *actor = json_get(event, "Actor");
	autobuf struct buf line = BUF_INIT;
	int64_t ns = json_int(json_get(event, "timeNano"), 0);
	char time[STATE_TIME_MAX];

	state_time_format(ns, true, time);
	buf_addf(&line, "%s ", time);
	add_escaped(&line, json_str(json_get(event, "Type"), ""));
	buf_addc(&line, ' ');
	add_escaped(&line, json_str(json_get(event, "Action"), ""));
	buf_addc(&line, ' ');
	add_escaped(&line, json_str(json_get(actor, "ID"), ""));
	json_each (it, json_get(actor, "Attributes")) {
		buf_adds(&line, it.index ? ", " : " (");
		add_escaped(&line, it.key);
		buf_addc(&line, '=');
		add_escaped(&line, json_str(it.value, ""));
	}
	if (json_len(json_get(actor, "Attributes")))
		buf_addc(&line, ')');
	buf_addc(&line, '\n');
	return out_write(&line, err);
}

/* The names that Go templates have for what JSON writes in lower case. */
static struct json *methods_of(const struct json *event)
{
	static const char *const names[][2] = { { "Status", "status" }, { "ID", "id" },
		{ "From", "from" }, { "Scope", "scope" }, { "Time", "time" },
		{ "TimeNano", "timeNano" } };
	struct json *methods = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct json *value = json_get(event, names[i][1]);

		json_put(methods, names[i][0], value ? json_ref(value) : json_new_string(""));
	}
	return methods;
}

static int show(struct events *e, const struct json *event, struct err *err)
{
	autojson struct json *methods = NULL;

	if (!e->format.template)
		return show_line(event, err);
	methods = methods_of(event);
	buf_reset(&e->format.out);
	TRY(format_row(&e->format, event, methods, err));
	return out_write(&e->format.out, err);
}

static int take_line(struct events *e, const char *line, size_t len, struct err *err)
{
	autojson struct json *event = NULL;
	struct err torn = ERR_INIT;
	int64_t ns;

	if (json_parse(line, len, &event, &torn) < 0)
		return 0; /* by a full disk */
	ns = json_int(json_get(event, "timeNano"), 0);
	if (ns > e->end) {
		e->over = true;
		return 0;
	}
	if (e->opts->since != INT64_MAX && ns < e->opts->since)
		return 0;
	return event_matches(event, &e->opts->filters) ? show(e, event, err) : 0;
}

/* ---- reading ---- */

static int take_lines(struct events *e, struct err *err)
{
	char *at = e->rest.data, *end;

	while (!e->over && (end = memchr(at, '\n', e->rest.len - (size_t)(at - e->rest.data)))) {
		TRY(take_line(e, at, (size_t)(end - at), err));
		at = end + 1;
	}
	e->rest.len -= (size_t)(at - e->rest.data);
	memmove(e->rest.data, at, e->rest.len);
	return 0;
}

static int read_rest(struct events *e, struct err *err)
{
	while (!e->over && e->fd >= 0) {
		ssize_t n;

		buf_reserve(&e->rest, BLOCK);
		n = read(e->fd, e->rest.data + e->rest.len, BLOCK);
		if (n < 0)
			return err_sys(err, "read %s", EVENTS_NAME);
		if (n == 0)
			return 0;
		e->rest.len += (size_t)n;
		TRY(take_lines(e, err));
	}
	return 0;
}

static int open_file(const struct events *e, const char *name, struct err *err)
{
	int fd = openat(e->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 && errno != ENOENT ? err_sys(err, "open %s", name) : fd < 0 ? -ENOENT : fd;
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* All that is there now. The new file is looked for first: if it is another one, nothing more is added to
 * ours, and its end is the end. */
static int read_all(struct events *e, struct err *err)
{
	autofd int now = open_file(e, EVENTS_NAME, err);

	if (now < 0 && now != -ENOENT)
		return now;
	TRY(read_rest(e, err));
	if (now < 0 || same_file(now, e->fd))
		return 0;
	fd_drop(&e->fd);
	e->fd = move_fd(&now);
	buf_reset(&e->rest);
	return read_rest(e, err);
}

static int begin(struct events *e, struct err *err)
{
	int fd = open_file(e, e->opts->since == INT64_MAX ? EVENTS_NAME : EVENTS_OLD, err);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	e->fd = fd;
	if (e->opts->since == INT64_MAX && lseek(fd, 0, SEEK_END) < 0)
		return err_sys(err, "read %s", EVENTS_NAME);
	return 0;
}

static int wait_more(struct events *e, struct err *err)
{
	struct pollfd poller = { e->watching, POLLIN, 0 };
	int64_t left = e->end == INT64_MAX ? -1 : (e->end - state_now()) / (NS / 1000) + 1;
	char changes[4096];

	if (left < 0 && e->end != INT64_MAX)
		left = 0;
	if (poll(&poller, 1, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
		return err_sys(err, "wait for events");
	while (read(e->watching, changes, sizeof(changes)) > 0)
		; /* what changed does not matter */
	return 0;
}

static int open_all(struct events *e, const struct globals *globals, struct err *err)
{
	char path[40];

	e->dir = fs_open_private_dir(globals->runroot, err);
	TRY(e->dir);
	e->watching = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", e->dir);
	if (e->watching < 0 || inotify_add_watch(e->watching, path,
				       IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
		return err_sys(err, "watch '%s'", globals->runroot);
	return begin(e, err);
}

int cmd_events(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(events_opts_done))) struct events_opts opts = { 0 };
	__attribute__((cleanup(events_done))) struct events e = {
		.opts = &opts, .dir = -EBADF, .watching = -EBADF, .fd = -EBADF
	};

	TRY(events_opts_parse(argc, argv, &opts, err));
	TRY(event_filters_check(&opts.filters, err));
	e.end = opts.until;
	if (opts.format && *opts.format) {
		if (format_init(&e.format, opts.format, "", "*events.Message", err) < 0)
			return err->code;
		e.format.prefix = "Error parsing format";
	}
	if (e.format.table)
		return err_set(err, -EINVAL, "events have no table: use json or a template");
	TRY(open_all(&e, globals, err));
	for (;;) {
		bool last = state_now() > e.end; /* looked at before the rest is read */

		TRY(read_all(&e, err));
		if (e.over || last)
			return 0;
		TRY(wait_more(&e, err));
	}
}
