/* SPDX-License-Identifier: Apache-2.0 */
/* The reading side of src/state/logger.c: whole lines only, in blocks, never more than one in memory. */
#include "commands/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "state/state.h"

#define BLOCK    65536
#define LINE_MAX (1u << 20) /* an entry is 16 KiB of text, at most 6 bytes each when escaped */

void logfile_done(struct logfile *file)
{
	buf_done(&file->data);
}

void log_entry_done(struct log_entry *entry)
{
	json_free(entry->doc);
	*entry = (struct log_entry){ 0 };
}

/* Counts newlines from the end; the one that ends the last line does not begin another. */
int logfile_seek_tail(struct logfile *file, int64_t lines, struct err *err)
{
	autofree char *block = xmalloc(BLOCK);
	off_t end = lseek(file->fd, 0, SEEK_END), at = end;
	int64_t seen = 0;

	while (at > 0) {
		size_t len = at > BLOCK ? BLOCK : (size_t)at;
		ssize_t n;

		at -= (off_t)len;
		n = pread(file->fd, block, len, at);
		if (n < 0)
			return err_sys(err, "read the log");
		for (ssize_t i = n; i > 0; i--) {
			if (block[i - 1] != '\n' || at + i == end || ++seen < lines)
				continue;
			at += i;
			return lseek(file->fd, lines ? at : end, SEEK_SET) < 0
				       ? err_sys(err, "read the log")
				       : 0;
		}
	}
	if (lseek(file->fd, lines ? 0 : end, SEEK_SET) < 0)
		return err_sys(err, "read the log");
	return 0;
}

/* More bytes behind what is left over. 0 at the end. */
static ssize_t fill(struct logfile *file, struct err *err)
{
	ssize_t n;

	if (file->used) {
		memmove(file->data.data, file->data.data + file->used, file->data.len - file->used);
		file->data.len -= file->used;
		file->used = 0;
	}
	if (file->data.len > LINE_MAX)
		buf_reset(&file->data); /* no line of ours is as long */
	buf_reserve(&file->data, BLOCK);
	n = read(file->fd, file->data.data + file->data.len, BLOCK);
	if (n < 0)
		return err_sys(err, "read the log");
	file->data.len += (size_t)n;
	return n;
}

static bool parse(const char *line, size_t len, struct log_entry *ret)
{
	struct err ignored = ERR_INIT;

	if (json_parse(line, len, &ret->doc, &ignored) < 0)
		return false; /* torn by a full disk */
	ret->text = json_str(json_get(ret->doc, "log"), "");
	ret->stream = strcmp(json_str(json_get(ret->doc, "stream"), ""), "stderr") == 0 ? 2 : 1;
	if (state_time_parse(json_str(json_get(ret->doc, "time"), ""), &ret->time) == 0)
		return true;
	log_entry_done(ret);
	return false;
}

int logfile_next(struct logfile *file, struct log_entry *ret, struct err *err)
{
	*ret = (struct log_entry){ 0 };
	for (;;) {
		char *line = file->data.data + file->used;
		char *end = file->data.len > file->used
				    ? memchr(line, '\n', file->data.len - file->used)
				    : NULL;
		ssize_t n;

		if (end) {
			file->used += (size_t)(end - line) + 1;
			if (parse(line, (size_t)(end - line), ret))
				return 1;
			continue;
		}
		n = fill(file, err);
		if (n <= 0)
			return (int)n;
	}
}

/* ---- rotated logs ---- */

void logset_done(struct logset *set)
{
	for (size_t i = 0; i < set->n; i++)
		fd_drop(&set->fds[i]);
	free(set->fds);
	*set = (struct logset){ 0 };
}

static bool same_file(int a, int b)
{
	struct stat x, y;

	return a >= 0 && b >= 0 && fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* Newest first: a rotation meanwhile shows one file twice and none not at all. */
int logset_open(int dir, struct logset *ret, struct err *err)
{
	autologset struct logset set = { 0 };

	for (unsigned i = 0; i <= 1000; i++) {
		char name[32] = "log";
		int fd;

		if (i > 0)
			snprintf(name, sizeof(name), "log.%u", i);
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOENT)
			return err_sys(err, "open the container's %s", name);
		if (fd < 0 && i > 0)
			break;
		if (fd < 0 || (set.n && same_file(fd, set.fds[set.n - 1]))) {
			fd_drop(&fd);
			continue;
		}
		set.fds = xreallocarray(set.fds, set.n + 1, sizeof(*set.fds));
		set.fds[set.n++] = fd;
	}
	*ret = set;
	set = (struct logset){ 0 };
	return 0;
}

size_t logset_newer(const struct logset *set, int fd)
{
	for (size_t i = 0; i < set->n; i++)
		if (same_file(set->fds[i], fd))
			return i;
	return set->n;
}

static int count_lines(int fd, int64_t *ret, struct err *err)
{
	autofree char *block = xmalloc(BLOCK);
	int64_t lines = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, block, BLOCK, at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			lines += block[i] == '\n';
		at += n;
	}
	if (n < 0)
		return err_sys(err, "read the log");
	*ret = lines;
	return 0;
}

int logset_seek_tail(const struct logset *set, int64_t lines, size_t *ret, struct err *err)
{
	size_t i = 0;

	for (; i + 1 < set->n; i++) {
		int64_t have = 0;

		TRY(count_lines(set->fds[i], &have, err));
		if (have >= lines)
			break;
		lines -= have;
	}
	if (i < set->n) {
		struct logfile file = { .fd = set->fds[i] };

		TRY(logfile_seek_tail(&file, lines, err));
	}
	*ret = i;
	return 0;
}
