/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watcher: a process beside the monitor that hears of system calls a container's filter hands to user
 * space (seccomp_unotify(2)) and counts them. It decides nothing: what the filter refused stays refused,
 * what it let through goes on.
 */
#ifndef SBX_PROCESS_WATCH_H
#define SBX_PROCESS_WATCH_H

#include <sys/types.h>

#include "base/err.h"
#include "policy/policy.h"

/* Forks it. It serves the listener until nobody is left under the filter, or it is told to end, and then
 * writes its report, JSON, into the file `report`:
 *
 *	{"refused": {NAME: COUNT}, "started": {PATH: COUNT}}
 *
 * With POLICY_WATCH_LEARN also "calls": {NAME: COUNT} of what passed, and "inet": whether a socket of
 * the internet was asked for. PATH is "?" for the first program: what starts it cannot be looked into. Names and paths beyond WATCH_NAMES are counted under "…". */
#define WATCH_NAMES 1024
pid_t watch_start(int listener, int report, enum policy_watch how, struct err *err);

/* The container has ended: waits for the report. pid may be 0. */
void watch_end(pid_t pid);

#endif
