/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cgroup (version 2) of a container's own, for limits that the kernel enforces. Found by trying, never by
 * guessing: under --cgroup-parent, below the caller's own cgroup where that is delegated, or as a scope
 * that the user's systemd makes. What cannot be enforced is an error unless asked for as best effort.
 */
#ifndef SBX_PROCESS_CGROUP_H
#define SBX_PROCESS_CGROUP_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "options/options.h"

/* Is there anything that needs a cgroup? */
bool cgroup_wanted(const struct limits *limits);

/* Puts the process, a child of ours that waits, under the limits. *ret_path is the directory of its
 * cgroup, or NULL: none was wanted, or (best effort) could be had; notice gets what is not enforced. */
int cgroup_enter(
	const struct limits *limits, const char *id, pid_t pid, char **ret_path, struct err *err);

/* Writes the limits into a cgroup's directory. -errno: err names the option that failed. */
int cgroup_write(int dir, const struct limits *limits, struct err *err);

/* One more process (an `exec`) into a running container's. */
int cgroup_join(const char *path, pid_t pid, struct err *err);
/* The kernel's freezer; returns once all are held, or go on. */
int cgroup_freeze(const char *path, bool on, struct err *err);
bool cgroup_oom_killed(const char *path);

/* How often limits were hit, as the kernel counts: NULL without a cgroup. Owned by the caller:
 *	{"memory": allocations held up, "oomKills", "processes": forks refused, "cpu": periods throttled} */
struct json *cgroup_hits(const char *path);

/* The directory of the cgroup made for the container (its processes have ended): removed. */
void cgroup_leave(const char *path);

/* The directory of a process's cgroup (version 2); caller frees. -ENOENT: there is no such hierarchy. */
int cgroup_of(pid_t pid, char **ret_path, struct err *err);

#endif
