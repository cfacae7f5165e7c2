/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that all do the same. */
#ifndef SBX_FUSE_CREW_H
#define SBX_FUSE_CREW_H

#include <pthread.h>

#include "base/err.h"

struct crew {
	unsigned n;
	pthread_t *threads;
};

/* As many as can be had, at least one; crew_done() also after a failure. */
int crew_start(
	struct crew *ret, unsigned n, void *(*work)(void *data), void *data, struct err *err);
void crew_done(struct crew *crew); /* waits for all to return; zeroed ok */

#endif
