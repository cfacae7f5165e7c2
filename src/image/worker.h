/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One process that unpacks one layer. It reads the stored blob, or is fed the bytes of one that is
 * still being downloaded. A fed worker cannot finish before worker_end_feed(), so that nothing gets a
 * layer's name before its blob is verified: until then it may be killed without a trace.
 */
#ifndef SBX_IMAGE_WORKER_H
#define SBX_IMAGE_WORKER_H

#include "image/store.h"

struct worker {
	pid_t pid;   /* 0 = none */
	int reports; /* pipe from it; readable: call worker_hear() */
	int feed;    /* pipe to it, not blocking; -EBADF when it reads the store */
	int source;  /* own descriptor of the file to feed from */
	int64_t fed; /* bytes */
};
#define WORKER_INIT                                                 \
	{                                                           \
		.reports = -EBADF, .feed = -EBADF, .source = -EBADF \
	}

struct worker_set {
	const struct store *store; /* borrowed */
	struct worker *list; /* all of them: a new one must not keep its siblings' pipes open */
	size_t n;
	int secret;  /* a descriptor that workers close at once; 0 = none */
	bool killed; /* one was, and may have left something in tmp/ */
};
/* Kills those that run, removes what killed ones left, frees the list. */
void worker_set_done(struct worker_set *set);

struct report {
	bool final;
	int result;       /* of a final one; err is filled when negative */
	int64_t consumed; /* compressed bytes, else */
	struct err err;
};

/* source: the file whose bytes will be fed, borrowed; -1 = read the stored blob. job is borrowed
 * during the call; its progress, data and source are the worker's own. */
int worker_start(struct worker_set *set, size_t at, const struct layer_job *job, int source,
	struct err *err);

/* Moves what fits of source's first `have` bytes into the pipe. A worker that has ended takes none. */
int worker_feed(struct worker *worker, int64_t have, struct err *err);
void worker_end_feed(struct worker *worker);

/* 1: *ret is a report; after a final one the worker is gone. 0: nothing there. -ECHILD: it died. */
int worker_hear(struct worker_set *set, size_t at, struct report *ret, struct err *err);
/* Returns when neither it nor a child of it is left. Nothing when there is none. */
void worker_kill(struct worker_set *set, size_t at);

#endif
