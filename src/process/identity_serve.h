/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor of a container with a single id: a process beside the monitor that answers the calls which
 * policy_identity() hands out, for the whole tree below the container's first process.
 *
 * Who a process is said to be must be inherited by fork and exec exactly, and nobody tells of a fork. So the
 * kernel carries it: the number of the identity stands in the soft RLIMIT_LOCKS, which has had no meaning since
 * Linux 2.4 and which every process inherits. Without a number of ours there a process is who the first one was.
 *
 * Owners are kept in the xattr user.sbx.owner, "uid:gid", as binds with squash keep them; what has none shows
 * what the image said (base/kept.h). Where the file system has no xattrs, and for links, chown succeeds and is
 * forgotten. Whatever the supervisor cannot look at goes on to the kernel as it was asked.
 *
 * It is no security boundary: a process may change its number, and has the rights of the one id anyway.
 */
#ifndef SBX_PROCESS_IDENTITY_SERVE_H
#define SBX_PROCESS_IDENTITY_SERVE_H

#include <linux/seccomp.h>
#include <sys/types.h>

#include "base/err.h"
#include "process/identity.h"

#define IDENTITY_PENDING 64

/* The kernel's structs may be longer than ours: what it is given must be zero, and large enough. */
union identity_received {
	struct seccomp_notif call;
	char room[512];
};

/* Shared memory, which outlives a killed supervisor. The kernel writes a call right into it, so who comes after finds
 * what is unanswered; an id is never 0. */
struct identity_shared {
	union identity_received in;
	size_t asker;     /* 1 + the number of who asks; 0: nothing has been done about the call */
	uint64_t resumed; /* the call that the last one was killed at */
	struct identity_table table;
};

/* A file that is about to be made by somebody who is not root. */
struct pending {
	pid_t maker;
	int dir;
	char *name;
	uid_t uid;
	gid_t gid;
};

struct supervisor {
	int listener, proc; /* proc: the host's /proc, whose pids the notifications name */
	bool inside;        /* in the container's user and mount namespaces */
	ino_t mounts;       /* number of the latter */
	bool stays;         /* whoever started it may end first */
	struct identity_shared *shared;
	struct pending pending[IDENTITY_PENDING];
	size_t n_pending;
};

struct question {
	struct supervisor *supervisor;
	uint64_t id;
	pid_t pid;
	int call;
	const uint64_t *args;
	const struct identity *who;
};

/* What is answered: the kernel goes on with the call, or this is its result. */
struct answer {
	bool go_on;
	int64_t value; /* ≥ 0, or -errno */
};

/* `who` is what the first process under the filter is. */
struct identity_shared *identity_share(const struct identity *who, struct err *err);
void identity_unshare(struct identity_shared *shared); /* NULL ok */

/* Forks it. Ends when nobody is left under the filter (before Linux 5.9 a stray one stays until the caller ends);
 * stays: it outlives the caller. */
pid_t identity_start(int listener, struct identity_shared *shared, bool stays, struct err *err);

/* identity_files.c */
struct answer identity_stat(const struct question *q);
struct answer identity_chown(const struct question *q);
struct answer identity_mknod(const struct question *q);
void identity_expect(const struct question *q); /* a file is about to be made */
void identity_flush(struct supervisor *s, pid_t returned);

/* False: the call was given up, and its pid may be somebody else's by now. */
bool identity_asks(const struct question *q);

/* The asking process's memory; -EFAULT. */
int identity_read(const struct question *q, uint64_t from, void *to, size_t size);
int identity_read_path(const struct question *q, uint64_t from, char to[4096]);
int identity_write(const struct question *q, uint64_t to, const void *from, size_t size);

#endif
