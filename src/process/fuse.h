/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's view of sbx-fuse: one server per container that uses the fuse driver. */
#ifndef SBX_PROCESS_FUSE_H
#define SBX_PROCESS_FUSE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "rootfs/rootfs.h"

struct fuse_server {
	pid_t pid; /* 0 = none runs */
	int pidfd; /* -errno where pidfd_open is missing */
	int exit;  /* closing it tells the server that nobody needs it any more */
	int log;   /* <container>/fuse.log, what it had to say */
};
#define FUSE_SERVER_INIT                                       \
	{                                                      \
		.pidfd = -EBADF, .exit = -EBADF, .log = -EBADF \
	}
void fuse_server_done(struct fuse_server *server); /* kills and reaps what still runs */

/* Starts the server on an already mounted /dev/fuse descriptor (borrowed), as root of the container's
 * user namespace, and waits until it serves. A server that does not get there is an error with its
 * last words in it. */
int fuse_server_start(const struct rootfs *rootfs, int fuse_fd, int userns, struct fuse_server *ret,
	struct err *err);

/* The same for a bind with squash: outside of the container's user namespace, with the caller's rights. */
int fuse_squash_start(const struct rootfs *rootfs, const struct mount_op *op, int fuse_fd,
	struct fuse_server *ret, struct err *err);

/* After the container's end: the mount has gone with its last process; waits for the server to write
 * back and leave, at most 10 s. */
void fuse_server_end(struct fuse_server *server);

/* The last line of the log, "" when there is none. */
void fuse_server_last_words(const struct fuse_server *server, char *ret, size_t size);

/* Appends a path to a --lower list, with ':' and '\' escaped. Pure. */
void fuse_server_add_lower(struct buf *list, const char *path);

#endif
