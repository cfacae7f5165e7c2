/* SPDX-License-Identifier: Apache-2.0 */
/* Mount primitives on descriptors. The new mount API (Linux 5.2, mount_setattr 5.12) is used where it
 * answers, mount(2) on /proc/self/fd where it does not. Targets are O_PATH descriptors. */
#ifndef SBX_ROOTFS_MOUNT_H
#define SBX_ROOTFS_MOUNT_H

#include <stdbool.h>

#include "base/err.h"

#define FD_PATH_MAX 32
void mount_fd_path(int fd, char ret[FD_PATH_MAX]); /* "/proc/self/fd/N" */

/* mount(2) of a new file system instance on target. */
int mount_fs(int target, const char *type, unsigned long flags, const char *data, struct err *err);

struct bind_attrs {
	bool recursive, read_only, nosuid, nodev, noexec;
	bool copied; /* source is a detached copy already (open_tree) */
};
/* Binds what source (O_PATH) refers to over target; attributes apply to the whole copied tree. */
int mount_bind(int source, int target, const struct bind_attrs *attrs, struct err *err);

/* Makes the mount that fd stands on read-only (that one only). */
int mount_readonly(int fd, struct err *err);

#endif
