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

/* Moves to the last `lines` entries. */
int logfile_seek_tail(struct logfile *file, int64_t lines, struct err *err);
/* 1 and the next entry; 0 at the end, for now. */
int logfile_next(struct logfile *file, struct log_entry *ret, struct err *err);

#endif
