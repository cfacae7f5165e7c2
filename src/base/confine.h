/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A helper locks itself in, before it reads the first byte that somebody else chose:
 *
 *	static const int calls[] = { SYS_read, SYS_writev, SYS_epoll_pwait };
 *	static const struct confine rules = { .name = "sbx-netstack", .calls = calls,
 *		.n_calls = ARRAY_SIZE(calls), .refuse = EPERM, .files = true };
 *	TRY(confine_self(&rules, err));
 *
 * In this order: no new privileges; not dumpable (no ptrace, no core); core size 0; Landlock; system
 * calls. It is for good, and inherited by threads and children made later; do it before making threads.
 *
 * Calls. Written in the form that every processor has (openat, ppoll, epoll_pwait, newfstatat, …); the
 * older x86 form of a listed call (open, poll, epoll_wait, stat, …) is let in with it. Always in: what
 * libc itself needs for memory, threads, clocks, stdio, signal return, abort and exit (confine.c has
 * the list). All else fails with `refuse`; another ABI (int 0x80, x32) kills.
 *
 * Files. With .files, Landlock denies every path except below .dirs, for opening, making, removing and
 * renaming; and connecting to abstract sockets. Descriptors that are already open keep working. Beware:
 * mount, umount2 and pivot_root fail with EPERM ever after. Kernels without Landlock (< 5.13), and those
 * that cannot allow renames between folders (< 5.19) when a dir is writable, go without.
 *
 * Not dumpable means that /proc/self belongs to root: a helper without privileges over its user namespace
 * can no longer open /proc/self/fd/N. Those that live by it set .keep_dumpable.
 *
 * SBX_CONFINE=kill in the environment makes a refused call fatal (SIGSYS), so that tests find what a
 * list lacks; SBX_CONFINE=off leaves out Landlock and the filter (sanitizers, debuggers). Both are read
 * once here; whoever sets a helper's environment could as well replace it.
 */
#ifndef SBX_BASE_CONFINE_H
#define SBX_BASE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CONFINE_CALLS_MAX 96 /* in .calls */

struct confine_dir {
	int fd;     /* of a directory, O_PATH will do; borrowed, may be closed afterwards */
	bool write; /* else only open for reading, list, stat */
};

struct confine {
	const char *name; /* of the program, for error texts */
	const int *calls; /* SYS_*, in any order */
	size_t n_calls;
	int refuse; /* EPERM or ENOSYS: what an unlisted call says */
	bool files; /* confine paths to dirs (may be none) */
	const struct confine_dir *dirs;
	size_t n_dirs;
	bool keep_dumpable;
};

/* What was put in place: the kernel may lack the one or the other. */
#define CONFINE_LANDLOCK 1
#define CONFINE_SECCOMP  2

/* Returns a mask of CONFINE_*, or -errno; then the program must end. Allocates nothing. */
int confine_self(const struct confine *rules, struct err *err);

#endif
