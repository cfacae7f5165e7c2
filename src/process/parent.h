/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's side of starting a container; mirrors child.h. */
#ifndef SBX_PROCESS_PARENT_H
#define SBX_PROCESS_PARENT_H

#include "process/fuse.h"
#include "process/process.h"
#include "process/watch.h"

/* A started container, seen from its monitor. */
struct process {
	pid_t pid; /* init */
	int pidfd;
	int in;       /* write end of its stdin, or -EBADF */
	int out, err; /* read ends; with a tty `in` and `out` are the master and err is unused */
	char *cgroup; /* of its own, or NULL */
	struct fuse_server fuse;
	struct fuse_server *squash; /* one per bind with squash */
	size_t n_squash;
	struct watcher watcher;
};
#define PROCESS_INIT                                                         \
	{                                                                    \
		.pidfd = -EBADF, .in = -EBADF, .out = -EBADF, .err = -EBADF, \
		.fuse = FUSE_SERVER_INIT, .watcher = WATCHER_INIT            \
	}
/* Kills and reaps what still runs: a half-started container never survives an error. */
void process_done(struct process *process);
#define autoprocess __attribute__((cleanup(process_done)))

/* The server whose pidfd this is; with a negative one the root's. */
struct fuse_server *process_server(struct process *process, int pidfd);
/* All file systems have gone with the container: waits for their servers. */
void process_end_servers(struct process *process);

/* Joins the network, clones, maps ids, serves the handshake until the payload has been executed. */
int process_start(const struct process_spec *spec, const struct process_events *events,
	struct process *ret, struct err *err);

#endif
