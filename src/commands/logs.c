/* SPDX-License-Identifier: Apache-2.0 */
/*
 * logs: a container's output as it was, stdout to stdout and stderr to stderr. Following ends when
 * the container does: it is looked whether it runs *before* the rest is read, so nothing that it wrote
 * last is missed. Waits with inotify on the container's directory, never by polling.
 */
#include "commands/commands.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/fs.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/logfile.h"
#include "commands/output.h"
#include "options/verbs.h"

#define FLUSH_AT 65536

struct logs {
	const struct logs_opts *opts;
	struct logfile file;
	int fd; /* file's */
	struct buf out;
	int stream; /* where `out` belongs */
	bool mid_line[3];
	bool over; /* past --until */
};

static void logs_done(struct logs *logs)
{
	logfile_done(&logs->file);
	fd_drop(&logs->fd);
	buf_done(&logs->out);
}

static int flush(struct logs *logs, struct err *err)
{
	int r = 0;

	if (logs->out.len)
		r = fs_write_all(logs->stream, logs->out.data, logs->out.len, err);
	buf_reset(&logs->out);
	return r;
}

/* As Go's url.QueryEscape. */
static void add_escaped(const char *text, struct buf *out)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == ' ')
			buf_addc(out, '+');
		else if (*p < 0x80 && (isalnum(*p) || strchr("-_.~", *p)))
			buf_addc(out, (char)*p);
		else
			buf_addf(out, "%%%02X", *p);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Docker's --details: "name=value,name=value ", by name. */
static void add_details(const struct json *attrs, struct buf *out)
{
	autostrv struct strv list = STRV_INIT;

	json_each (it, attrs) {
		struct buf one = BUF_INIT;

		add_escaped(it.key, &one);
		buf_addc(&one, '=');
		add_escaped(json_str(it.value, ""), &one);
		strv_adopt(&list, buf_steal(&one));
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_text);
	strv_each (one, &list)
		buf_addf(out, "%s%s", one == list.v ? "" : ",", *one);
	buf_addc(out, ' ');
}

static int show(struct logs *logs, const struct log_entry *entry, struct err *err)
{
	size_t len = strlen(entry->text);
	char time[STATE_TIME_MAX];

	if (logs->stream != entry->stream || logs->out.len > FLUSH_AT)
		TRY(flush(logs, err));
	logs->stream = entry->stream;
	if (logs->opts->timestamps && !logs->mid_line[entry->stream]) {
		state_time_format(entry->time, true, time);
		buf_addf(&logs->out, "%s ", time);
	}
	if (logs->opts->details && !logs->mid_line[entry->stream])
		add_details(json_get(entry->doc, "attrs"), &logs->out);
	buf_add(&logs->out, entry->text, len);
	logs->mid_line[entry->stream] = len && entry->text[len - 1] != '\n';
	return 0;
}

/* All that is there now. */
static int show_rest(struct logs *logs, struct err *err)
{
	int r;

	while (!logs->over) {
		autologentry struct log_entry entry = { 0 };

		r = logfile_next(&logs->file, &entry, err);
		TRY(r);
		if (r == 0)
			break;
		logs->over = entry.time > logs->opts->until;
		if (!logs->over && entry.time >= logs->opts->since)
			TRY(show(logs, &entry, err));
	}
	return flush(logs, err);
}

static int watch(const struct container *c, struct err *err)
{
	autofd int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", c->dir);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY | IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return err_sys(err, "watch the log of container %s", c->name);
	return move_fd(&fd);
}

/* Until something changes in the directory or the monitor ends. */
static int wait_change(int watching, int monitor, struct err *err)
{
	struct pollfd fds[] = { { watching, POLLIN, 0 }, { monitor, POLLIN, 0 } };
	char events[4096];

	if (poll(fds, 2, -1) < 0 && errno != EINTR)
		return err_sys(err, "wait for output");
	while (read(watching, events, sizeof(events)) > 0)
		; /* what changed does not matter */
	return 0;
}

static void read_next(struct logs *logs, int adopt_fd)
{
	logfile_done(&logs->file);
	fd_drop(&logs->fd);
	logs->fd = adopt_fd;
	logs->file = (struct logfile){ .fd = adopt_fd };
}

/* The rest of the file that is being read, then those that are newer. They are opened first: if ours is
 * not the newest by then, nothing more is written to it. */
static int show_new(struct logs *logs, const struct container *c, struct err *err)
{
	autologset struct logset set = { 0 };
	size_t newer;

	TRY(logset_open(c->dir, &set, err));
	newer = logset_newer(&set, logs->fd);
	if (logs->fd >= 0)
		TRY(show_rest(logs, err));
	while (newer-- > 0) {
		read_next(logs, move_fd(&set.fds[newer]));
		TRY(show_rest(logs, err));
	}
	return 0;
}

static int begin_at_tail(
	struct logs *logs, const struct container *c, int64_t lines, struct err *err)
{
	autologset struct logset set = { 0 };
	size_t first;

	TRY(logset_open(c->dir, &set, err));
	TRY(logset_seek_tail(&set, lines, &first, err));
	if (first < set.n)
		read_next(logs, move_fd(&set.fds[first]));
	return 0;
}

static int follow(
	const struct globals *globals, struct logs *logs, struct container *c, struct err *err)
{
	autofd int watching = watch(c, err);

	TRY(watching);
	for (;;) {
		struct err gone = ERR_INIT;
		bool removed = state_refresh(globals, c, &gone) == -ENOENT;
		autofd int monitor = state_pidfd(c->monitor, c->monitor_start, &gone);

		TRY(show_new(logs, c, err));
		if (logs->over || removed || c->status == STATUS_EXITED)
			return 0;
		TRY(wait_change(watching, monitor, err));
	}
}

int cmd_logs(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(logs_opts_done))) struct logs_opts opts = { 0 };
	__attribute__((cleanup(logs_done))) struct logs logs = {
		.opts = &opts, .stream = 1, .fd = -EBADF, .file = { .fd = -EBADF }
	};
	autocontainer struct container c = CONTAINER_INIT;

	TRY(logs_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	if (opts.net)
		return connections_print(&c, NULL, err);
	if (strcmp(json_str(json_get(c.config, "logDriver"), ""), "none") == 0)
		return err_set(err, -ENOTSUP,
			"configured logging driver does not support reading: container %s has "
			"--log-driver none",
			c.name);
	if (opts.tail >= 0)
		TRY(begin_at_tail(&logs, &c, opts.tail, err));
	return opts.follow ? follow(globals, &logs, &c, err) : show_new(&logs, &c, err);
}
