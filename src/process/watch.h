/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher: a process beside the monitor that hears of system calls a container's filter hands to user
 * space (seccomp_unotify(2)) and counts them. It decides nothing: what the filter refused stays refused,
 * what it let through goes on.
 */
#ifndef SBX_PROCESS_WATCH_H
#define SBX_PROCESS_WATCH_H

#include <errno.h>
#include <sys/types.h>

#include "base/err.h"
#include "policy/policy.h"
#include "process/identity_serve.h"

/* One that runs, or {0, listener -EBADF}. The listener is kept open here too: while nobody serves it callers
 * wait, where without it the kernel would answer ENOSYS. */
struct watcher {
	pid_t pid; /* 0 = none */
	int listener, report;
	enum policy_watch how;
	struct watch_shared
		*shared; /* outlives a killed one; the other one with POLICY_WATCH_IDENTITY */
	struct identity_shared *identities;
};
#define WATCHER_INIT                                 \
	{                                            \
		.listener = -EBADF, .report = -EBADF \
	}

/* Forks it. It serves the listener until nobody is left under the filter, or it is told to end, and then
 * writes its report, JSON, into the file `report` (borrowed):
 *
 *	{"refused": {NAME: COUNT}, "started": {PATH: COUNT}}
 *
 * With POLICY_WATCH_LEARN also "calls": {NAME: COUNT} of what passed, and "inet": whether a socket of
 * the internet was asked for; "watcherKilled": COUNT where counts were lost. PATH is "?" for the first
 * program: what starts it cannot be looked into. Names and paths beyond WATCH_NAMES are counted under "…".
 * Takes the listener over. */
#define WATCH_NAMES 1024
int watch_start(
	int listener, int report, enum policy_watch how, struct watcher *ret, struct err *err);

/* The same with a supervisor (identity_serve.h) in its place, which writes no report. */
int watch_identity(int listener, const struct identity *who, struct watcher *ret, struct err *err);

/* Has it ended of itself? Then nobody waits for it any more. Has it been killed? Then another takes over, and first answers the call that it was at. */
int watch_again(struct watcher *watcher, struct err *err);

/* The container has ended: waits for the report. */
void watch_end(struct watcher *watcher);

#endif
