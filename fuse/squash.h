/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-fuse --squash DIR: a host directory (or one file) as everybody inside the container may use it with
 * the rights of the caller, and all that is made belongs to the caller. Who made it, and chown, are kept in
 * the xattr user.sbx.owner and shown inside; what has none shows the given owner. Others may work in the
 * directory at the same time: names and attributes are believed for SQUASH_MS, data until the next open.
 *
 * Speaks the protocol itself (linux/fuse.h): libfuse is the overlay's. Locks are local to the mount.
 */
#ifndef SBX_FUSE_SQUASH_H
#define SBX_FUSE_SQUASH_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"
#include "squash_nodes.h"

#define SQUASH_MS    250 /* how long the kernel may believe a name and its attributes */
#define SQUASH_OWNER "user.sbx.owner"

struct squash {
	int fd; /* /dev/fuse */
	struct nodes nodes;
	uid_t uid; /* shown for what has no owner of its own */
	gid_t gid;
	int ended; /* eventfd */
};

/* Serves `dir` on an already mounted device until the mount is gone. exit_fd and ready_fd as main.c's. */
struct squash_config {
	const char *dir;
	int fd, exit_fd, ready_fd;
	uid_t uid;
	gid_t gid;
	unsigned threads;
};
int squash_run(const struct squash_config *config, struct err *err);

/* One request; the reply's length in *ret_len, 0: none is wanted. Returns 0 or -errno to be replied. */
struct squash_request {
	struct squash *fs;
	uint64_t node;
	uid_t uid;
	gid_t gid;
	const char *arg; /* what follows the header, NUL-terminated */
	size_t arg_len;
	char *out; /* room for the reply */
	size_t size;
};
typedef int (*squash_op)(struct squash_request *request, size_t *ret_len);
squash_op squash_find_op(uint32_t opcode);

/* squash_attr.c */
void squash_show(const struct squash *fs, int fd, struct stat *st);
int squash_own(const struct squash *fs, int fd, uid_t uid, gid_t gid);
int squash_xattr_op(uint32_t opcode, struct squash_request *request, size_t *ret_len);
int squash_setattr(struct squash_request *request, size_t *ret_len);

#endif
