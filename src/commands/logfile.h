/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a container's log: entries one by one, from the end backwards for --tail, and on while the
 * file grows. Torn and foreign lines are skipped.
 */
#ifndef SBX_COMMANDS_LOGFILE_H
#define SBX_COMMANDS_LOGFILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

struct logfile {
	int fd; /* borrowed */
	struct buf data;
	size_t used; /* of data */
};
void logfile_done(struct logfile *file);
#define autologfile __attribute__((cleanup(logfile_done)))

struct log_entry {
	struct json *doc; /* owns what the others point to */
	const char *text;
	int stream; /* 1, 2 */
	int64_t time;
};
void log_entry_done(struct log_entry *entry);
#define autologentry __attribute__((cleanup(log_entry_done)))

/* The files of a rotated log, newest first. */
struct logset {
	int *fds; /* the caller may move one out */
	size_t n;
};
void logset_done(struct logset *set);
#define autologset __attribute__((cleanup(logset_done)))
int logset_open(int dir, struct logset *ret, struct err *err);
/* How many of them are newer than this one, which may not be among them any more. */
size_t logset_newer(const struct logset *set, int fd);
/* Where the last `lines` entries begin: the index of that file, which is moved there. */
int logset_seek_tail(const struct logset *set, int64_t lines, size_t *ret, struct err *err);

/* Moves to the last `lines` entries. */
int logfile_seek_tail(struct logfile *file, int64_t lines, struct err *err);
/* 1 and the next entry; 0 at the end, for now. */
int logfile_next(struct logfile *file, struct log_entry *ret, struct err *err);

#endif
