/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx exec`: a new process in a running container; needs no help from the monitor. */
#ifndef SBX_PROCESS_EXEC_H
#define SBX_PROCESS_EXEC_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"
#include "policy/policy.h"

/* What becomes of the caller's supplementary groups, which have no number inside but rights outside. */
enum keep_groups {
	KEEP_GROUPS_NOT,
	KEEP_GROUPS_ALONE, /* kept by uid 0, and by users without groups of the image */
	KEEP_GROUPS_ALL,   /* kept, and the image's are not set */
};

struct exec_spec {
	int pidfd; /* of the container's init; borrowed */
	pid_t pid; /* the same, for /proc where setns(pidfd) is missing (< 5.8) */
	const struct strv *argv, *env;
	const char *user; /* "uid[:gid]" or names of the container's passwd; NULL or "" = root */
	const char *workdir;
	const char *umask; /* octal; NULL: 0022 */
	const struct strv *group_add;
	enum keep_groups keep_groups;
	const struct policy *policy;
	const struct ulimit *ulimits;
	size_t n_ulimits;
	const char *cgroup; /* of the container; NULL or "" = none */
	bool interactive, tty, detach;
	const char *detach_keys;
	char **typed; /* our own argv, NULL-terminated or NULL: blanked where it outlives the caller */
};

/* Returns the exit status (126 not executable, 127 not found, 128+n signal) or -errno. */
int exec_run(const struct exec_spec *spec, struct err *err);

#endif
