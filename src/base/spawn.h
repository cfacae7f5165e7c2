/* SPDX-License-Identifier: Apache-2.0 */
/* Starting helper programs: only the descriptors they are given, exec failure told as a value. */
#ifndef SBX_BASE_SPAWN_H
#define SBX_BASE_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn_fd {
	int from; /* ours; borrowed */
	int to;   /* number in the child; not CLOEXEC there */
};

struct spawn {
	const char *path;           /* absolute, or a name looked up in PATH */
	char *const *argv;          /* NULL-terminated, argv[0] included */
	char *const *envp;          /* NULL = inherit */
	const struct spawn_fd *fds; /* all others ≥ 3 are closed; 0-2 inherited unless listed */
	size_t n_fds;
	int userns_fd;    /* > 0: setns(CLONE_NEWUSER) and become uid 0, gid 0 there first */
	bool new_session; /* setsid() */
	int death_signal; /* PR_SET_PDEATHSIG; 0 = none. Fires when the starting *thread* ends. */
};

/* fork() with a socket (SEQPACKET, CLOEXEC) between both: *ret_sock is each one's own end, where a hang-up tells that the
 * other process is gone. Nothing is executed. */
pid_t spawn_fork(int *ret_sock, struct err *err);

/* Returns the pid; *ret_pidfd (may be NULL) is the caller's. Fails with the child's errno when
 * exec fails (-ENOENT: not installed). */
pid_t spawn_start(const struct spawn *spawn, int *ret_pidfd, struct err *err);

/* Waits; returns the exit status, 128+signal, or -errno. */
int spawn_wait(pid_t pid, struct err *err);

/* start + wait. */
int spawn_run(const struct spawn *spawn, struct err *err);

/* Runs and collects at most max bytes of stdout into *ret (malloc'ed, NUL-terminated). */
int spawn_capture(const struct spawn *spawn, size_t max, char **ret, struct err *err);

/* Absolute path of a program of ours ("sbx-image"): beside the running binary, or in
 * ../libexec/sbx. *ret is malloc'ed. -ENOENT names where it was looked for. */
int spawn_find_helper(const char *name, char **ret, struct err *err);

#endif
