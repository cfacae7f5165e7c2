/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event loop over epoll: descriptors, timers (timerfd), signals (signalfd). Single-threaded. Sources
 * are removed with loop_del(), also from inside callbacks, also their own. Returns -ENOMEM, never
 * dies. The loop borrows descriptors except those it makes itself.
 */
#ifndef SBX_BASE_LOOP_H
#define SBX_BASE_LOOP_H

#include <signal.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_source;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP … as delivered. A negative return ends loop_run() with it. */
typedef int (*loop_fd_fn)(void *data, int fd, uint32_t events, struct err *err);
typedef int (*loop_timer_fn)(void *data, struct err *err);
typedef int (*loop_signal_fn)(void *data, int signo, struct err *err);

int loop_new(struct loop **ret, struct err *err);
void loop_free(struct loop *loop); /* NULL ok; frees all sources */

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *data,
	struct loop_source **ret, struct err *err);
int loop_mod_fd(struct loop_source *source, uint32_t events, struct err *err);

/* First expiry after ms, then each every_ms (0 = once). ms 0 disarms. */
int loop_add_timer(struct loop *loop, int64_t ms, int64_t every_ms, loop_timer_fn fn, void *data,
	struct loop_source **ret, struct err *err);
int loop_set_timer(struct loop_source *source, int64_t ms, int64_t every_ms, struct err *err);

/* Blocks the signals of `set` in this thread and reports them one by one. */
int loop_add_signals(struct loop *loop, const sigset_t *set, loop_signal_fn fn, void *data,
	struct loop_source **ret, struct err *err);

void loop_del(struct loop_source *source); /* NULL ok */

/* Runs until loop_quit(); returns its value (>= 0) or the first negative callback result. */
int loop_run(struct loop *loop, struct err *err);
void loop_quit(struct loop *loop, int value);

#endif
