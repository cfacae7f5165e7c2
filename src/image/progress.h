/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pull shows. On a terminal: one line per layer, repainted at most ten times a second, never
 * wider than the window. Elsewhere: one plain line per change of state, no escape codes.
 */
#ifndef SBX_IMAGE_PROGRESS_H
#define SBX_IMAGE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum progress_state {
	PROGRESS_WAITING,
	PROGRESS_EXISTS,
	PROGRESS_DOWNLOADING,
	PROGRESS_DOWNLOADED,
	PROGRESS_EXTRACTING,
	PROGRESS_COMPLETE,
};

struct progress_row {
	char id[13]; /* first digits of the digest */
	enum progress_state state;
	int64_t done, total; /* bytes; of downloading or extracting */
};

struct progress {
	int fd; /* borrowed */
	bool terminal, quiet, dirty;
	struct progress_row *rows;
	size_t n;
	unsigned painted;   /* lines on the screen that the next painting replaces */
	int64_t painted_at; /* ms */
};

void progress_init(struct progress *progress, int fd, bool quiet);
void progress_done(struct progress *progress);
#define autoprogress __attribute__((cleanup(progress_done)))

/* A line of its own; not while rows are painted (call progress_settle() first). */
void progress_say(const struct progress *progress, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
size_t progress_add(struct progress *progress, const char *digest); /* index of the new row */
void progress_set(struct progress *progress, size_t row, enum progress_state state);
void progress_count(struct progress *progress, size_t row, int64_t done, int64_t total);
void progress_tick(struct progress *progress); /* repaints when it is time */
void progress_settle(
	struct progress *progress); /* paints the last state; rows stay on the screen */

/* Pure: one line for a window so wide, without the newline. */
void progress_format(const struct progress_row *row, unsigned width, struct buf *out);

#endif
