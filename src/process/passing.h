/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last step before execve: the filter, and how its listener gets out of the process that is under it.
 * A thread without the filter sends it, and lives only until execve, which waits for whom it tells: under a filter
 * that lets nothing through but execve the listener could not leave the process.
 */
#ifndef SBX_PROCESS_PASSING_H
#define SBX_PROCESS_PASSING_H

#include <stdatomic.h>

#include "base/err.h"
#include "policy/policy.h"
#include "process/identity.h"

/* The caller's, until execve. */
struct passing {
	int sock;  /* STEP_LISTENER goes here */
	bool said; /* the namespace lacks the user's ids: nothing but answers can make it one */
	struct identity who; /* with POLICY_WATCH_IDENTITY; sent along */
	atomic_int listener; /* -EAGAIN: not there yet; else negative: never will be */
};

/* Loads policy->watched, or without that policy->filter. Where there is a listener already (an outer container's) or no
 * thread to be had, ids are what the kernel says, as without a supervisor; unless `said`. Only execve may follow. */
int passing_load(struct passing *passing, const struct policy *policy, struct err *err);

#endif
