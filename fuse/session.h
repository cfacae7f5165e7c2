/* SPDX-License-Identifier: Apache-2.0 */
/* Serving an overlay on an opened /dev/fuse. */
#ifndef SBX_FUSE_SESSION_H
#define SBX_FUSE_SESSION_H

#include <stdbool.h>

#include "overlay.h"

struct session;

struct session_config {
	unsigned threads;
	bool writeback; /* the kernel gathers small writes */
	bool eager; /* copy-up when a file is opened for writing: costs a request for each open */
	bool debug; /* libfuse prints every request */
};

/* fd is mounted or about to be; adopted. fs is borrowed. */
int session_new(struct ovl *fs, int adopt_fd, const struct session_config *config,
	struct session **ret, struct err *err);

/* For ovl_config.slow, with the address of the pointer that session_new() sets. */
void session_slow(void *data);

/* Starts the threads. All signals must be blocked already. */
int session_start(struct session *session, struct err *err);

/* Readable when the file system was unmounted or its connection aborted. */
int session_ended_fd(const struct session *session);

/* The connection must have ended, or the process be about to exit. NULL ok. */
void session_free(struct session *session);

#endif
