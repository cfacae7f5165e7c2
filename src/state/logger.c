/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's log in Docker's json-file form, one JSON object per line of output:
 *
 *	{"log":"text\n","stream":"stdout","time":"2026-11-22T08:51:00.123456789Z"}
 *
 * Invariant: the file always ends with a whole object. All lines that one logger_write() completes
 * go out in one write(2) before it returns, so `logs -f` sees them at once and a chatty program
 * costs one call per chunk, not per line. A line longer than LINE_MAX_LEN is cut into pieces without
 * "\n", of which only the last has one. Invalid UTF-8 becomes U+FFFD.
 * With max-size a full file becomes log.1, log.1 becomes log.2, and what would be the max-file'th goes.
 * With the driver "none" there is no file; with "journald" the journal gets every line as well.
 * When the disk is full the torn object is cut off again and the error returned; the text is lost.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define LOCAL_SIZE \
	"20m" /* Docker's limits of the driver local, whose files look as all others here */
#define LOCAL_FILES  "5"
#define LINE_MAX_LEN 16384

struct logger {
	int fd, dir;             /* -EBADF: nothing is kept */
	int64_t max_size;        /* bytes; 0 = no limit */
	int64_t max_file;        /* at least 1 */
	struct journal *journal; /* driver journald, or NULL */
	struct buf rest[2];      /* begun lines of stdout and stderr */
	struct buf attrs;        /* "\"attrs\":{…}," or nothing */
	struct buf out;
	char time[STATE_TIME_MAX];
};

static int open_file(int dir, struct err *err)
{
	int fd = openat(dir, "log", O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? fs_err(err, dir, "the container's log") : fd;
}

/* A power cut may have taken the end of the last object: what is written behind such a piece would be lost
 * with it. */
static int cut_torn(int fd, struct err *err)
{
	char tail[4096];
	off_t end = lseek(fd, 0, SEEK_END), keep = end;

	while (keep > 0) {
		size_t n = keep < (off_t)sizeof(tail) ? (size_t)keep : sizeof(tail);
		const char *newline;

		if (pread(fd, tail, n, keep - (off_t)n) != (ssize_t)n)
			return err_sys(err, "read the container's log");
		newline = memrchr(tail, '\n', n);
		keep -= (off_t)n;
		if (newline) {
			keep += newline - tail + 1;
			break;
		}
	}
	if (keep < end && ftruncate(fd, keep) < 0)
		return err_sys(err, "truncate the container's log");
	return 0;
}

/* Judged when the container was made; a record that says nonsense means no limit. */
static void read_limits(const struct container *c, struct logger *log)
{
	const char *driver = json_str(json_get(c->config, "logDriver"), "");
	bool local = strcmp(driver, "local") == 0 || strcmp(driver, "journald") == 0;
	const char *size = json_str(
		json_path(c->config, "logOpts", "max-size", NULL), local ? LOCAL_SIZE : NULL);
	const char *files = json_str(
		json_path(c->config, "logOpts", "max-file", NULL), local ? LOCAL_FILES : "1");
	struct err ignored;

	if (size && parse_size(size, &log->max_size, &ignored) < 0)
		log->max_size = 0;
	log->max_file = strtoll(files, NULL, 10);
	if (log->max_file < 1)
		log->max_file = 1;
}

static void make_attrs(const struct container *c, struct buf *out)
{
	autojson struct json *attrs = log_attrs(c->config);

	if (!json_len(attrs))
		return;
	buf_adds(out, "\"attrs\":");
	json_write(attrs, 0, out);
	buf_addc(out, ',');
}

int logger_open(struct container *c, struct logger **ret, struct err *err)
{
	const char *driver = json_str(json_get(c->config, "logDriver"), "");
	bool none = strcmp(driver, "none") == 0;
	struct journal *journal = NULL;
	autofd int fd = none ? -EBADF : open_file(c->dir, err);
	autofd int dir = none ? -EBADF : fcntl(c->dir, F_DUPFD_CLOEXEC, 3);

	if (!none && fd < 0)
		return fd;
	if (!none && dir < 0)
		return err_sys(err, "dup");
	if (fd >= 0)
		TRY(cut_torn(fd, err));
	if (strcmp(driver, "journald") == 0)
		TRY(journal_open(c, &journal, err));
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->journal = journal;
	(*ret)->fd = move_fd(&fd);
	(*ret)->dir = move_fd(&dir);
	read_limits(c, *ret);
	make_attrs(c, &(*ret)->attrs);
	return 0;
}

static int shift(int dir, int64_t from, struct err *err)
{
	char old[32] = "log", new[32];

	if (from > 0)
		snprintf(old, sizeof(old), "log.%lld", (long long)from);
	snprintf(new, sizeof(new), "log.%lld", (long long)from + 1);
	if (renameat(dir, old, dir, new) < 0 && errno != ENOENT)
		return err_sys(err, "rename %s", old);
	return 0;
}

static int rotate(struct logger *log, struct err *err)
{
	struct stat st;

	if (log->max_size == 0 || fstat(log->fd, &st) < 0 || st.st_size < log->max_size)
		return 0;
	for (int64_t i = log->max_file - 2; i >= 0; i--)
		TRY(shift(log->dir, i, err));
	if (log->max_file == 1 && unlinkat(log->dir, "log", 0) < 0 && errno != ENOENT)
		return err_sys(err, "begin a new log");
	fd_drop(&log->fd);
	TRY(log->fd = open_file(log->dir, err));
	return 0;
}

static size_t plain_run(const unsigned char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x80 && s[n] != '"' && s[n] != '\\' &&
		s[n] != 0x7f)
		n++;
	return n;
}

static void add_byte(struct buf *out, unsigned char c)
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	const char *hit = c ? strchr(from, c) : NULL;

	if (hit) {
		buf_addc(out, '\\');
		buf_addc(out, to[hit - from]);
	} else {
		buf_addf(out, "\\u%04x", c);
	}
}

static void add_text(struct buf *out, const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;

	while (s < end) {
		size_t n = plain_run(s, (size_t)(end - s));

		if (n == 0 && *s >= 0x80 && (n = utf8_length(s, (size_t)(end - s))) == 0) {
			buf_adds(out, "\\ufffd");
			s++;
			continue;
		}
		if (n)
			buf_add(out, s, n);
		else
			add_byte(out, *s);
		s += n ? n : 1;
	}
}

static void add_entry(struct logger *log, int stream, const char *text, size_t len)
{
	journal_write(log->journal, stream, text, len);
	buf_adds(&log->out, "{\"log\":\"");
	add_text(&log->out, text, len);
	buf_addf(&log->out, "\",\"stream\":\"%s\",%s\"time\":\"%s\"}\n",
		stream == 2 ? "stderr" : "stdout", log->attrs.data ? log->attrs.data : "",
		log->time);
}

static void stamp(struct logger *log)
{
	state_time_format(state_now(), true, log->time);
}

/* Where to cut a long line: not inside a character. */
static size_t cut_at(const char *text, size_t len)
{
	size_t n = len;

	while (n > len - 3 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void split_rest(struct logger *log, int stream, struct buf *rest)
{
	size_t done = 0;

	while (rest->len - done > LINE_MAX_LEN) {
		size_t n = cut_at(rest->data + done, LINE_MAX_LEN);

		add_entry(log, stream, rest->data + done, n);
		done += n;
	}
	if (done) {
		memmove(rest->data, rest->data + done, rest->len - done + 1);
		rest->len -= done;
	}
}

static void flush_line(struct logger *log, int stream, struct buf *rest)
{
	split_rest(log, stream, rest);
	if (rest->len)
		add_entry(log, stream, rest->data, rest->len);
	buf_reset(rest);
}

static int write_out(struct logger *log, struct err *err)
{
	off_t good;
	int r;

	if (!log->out.len)
		return 0;
	TRY(rotate(log, err));
	good = lseek(log->fd, 0, SEEK_END);
	r = fs_write_all(log->fd, log->out.data, log->out.len, err);
	buf_reset(&log->out);
	if (r >= 0)
		return 0;
	if (good >= 0 && ftruncate(log->fd, good) < 0)
		return err_wrap(err, "container log (its last line is torn)");
	return err_wrap(err, "container log");
}

int logger_write(struct logger *log, int stream, const void *data, size_t len, struct err *err)
{
	struct buf *rest = &log->rest[stream == 2];
	const char *p = data, *end = p + len;

	if (log->dir < 0)
		return 0;
	stamp(log);
	while (p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *to = newline ? newline + 1 : end;

		if (newline && rest->len == 0 && to - p <= LINE_MAX_LEN) {
			add_entry(log, stream, p, (size_t)(to - p));
		} else {
			buf_add(rest, p, (size_t)(to - p));
			if (newline)
				flush_line(log, stream, rest);
			else
				split_rest(log, stream, rest);
		}
		p = to;
	}
	return write_out(log, err);
}

void logger_free(struct logger *log)
{
	struct err ignored = ERR_INIT;

	if (!log)
		return;
	stamp(log);
	flush_line(log, 1, &log->rest[0]);
	flush_line(log, 2, &log->rest[1]);
	(void)write_out(log, &ignored); /* the container is over; nobody is left to tell */
	buf_done(&log->rest[0]);
	buf_done(&log->rest[1]);
	buf_done(&log->out);
	buf_done(&log->attrs);
	journal_free(log->journal);
	own_close_(&log->fd);
	own_close_(&log->dir);
	free(log);
}
