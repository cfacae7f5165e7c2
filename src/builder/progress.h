/* SPDX-License-Identifier: Apache-2.0 */
/* How a build looks to whoever watches it, on standard error: BuildKit's plain lines, its live tree, or its
 * JSON messages. Nothing here fails: what cannot be shown is not shown. */
#ifndef SBX_BUILDER_PROGRESS_H
#define SBX_BUILDER_PROGRESS_H

#include "builder/build.h"

struct vertex {
	uint32_t id;
	size_t number; /* "#5" */
	char *name;
	int64_t started, ended; /* ns; 0 = not yet */
	bool cached, failed, named;
	struct buf line;  /* output without its newline yet */
	struct strv tail; /* the last lines of output */
};

struct progress {
	enum build_progress mode; /* never AUTO */
	bool quiet, paused;
	int fd;
	int64_t started;
	struct vertex *list;
	size_t n;
	const struct vertex *last; /* the last one a plain line was about */
	unsigned drawn;            /* lines of the tree on the screen */
};

#define TAIL_LINES 25

struct progress *progress_new(enum build_progress mode, bool quiet);
void progress_free(struct progress *p);
void progress_report(struct progress *p, const struct report *head, const char *text, size_t len);
/* Before somebody else writes to the terminal, and after. */
void progress_pause(struct progress *p, bool pause);
/* BuildKit's " > [2/3] RUN false:" with the tail of its output, for the end of a failed build. */
void progress_failure(const struct progress *p, struct buf *out);
int64_t progress_now(void);

/* progress_tty.c, progress_json.c */
void progress_draw(struct progress *p, bool last);
void progress_json(struct progress *p, const struct vertex *v, const struct report *head,
	const char *text, size_t len);

#endif
