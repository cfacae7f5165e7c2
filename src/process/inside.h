/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work of ours inside a container's file system: a function that runs with the container's root as "/",
 * as uid 0 of its user namespace, so that every path and symlink resolves as it does inside and none leads
 * out. Nothing of the image is loaded or executed, and no process of the container sees the worker (its
 * pid namespace is not joined).
 */
#ifndef SBX_PROCESS_INSIDE_H
#define SBX_PROCESS_INSIDE_H

#include <sys/types.h>

#include "base/err.h"
#include "base/userns.h"
#include "rootfs/rootfs.h"

/* fn's result and error come back as if it had been called here; memory it writes does not. The
 * descriptors it needs are inherited. */
typedef int (*inside_fn)(void *data, struct err *err);

/* A running container: pid is its init, pidfd keeps that from meaning another process. */
int inside_running(pid_t pid, int pidfd, inside_fn fn, void *data, struct err *err);

/* One that does not run: its root is mounted in a mount namespace that ends with the call. rootfs needs
 * no more than OP_ROOT and binds, and must have been prepared. */
int inside_stopped(const struct rootfs *rootfs, const struct idmap *map, inside_fn fn, void *data,
	struct err *err);

/* Several roots side by side, the host's tree still in sight: fn gets a descriptor (O_PATH) of each, in order,
 * and works relative to them as uid 0 of that user namespace. At most INSIDE_ROOTS; each has been prepared and needs no more than OP_ROOT. */
#define INSIDE_ROOTS 2
typedef int (*inside_roots_fn)(void *data, const int *roots, struct err *err);
int inside_mounted(const struct rootfs *const *list, size_t n, int userns, inside_roots_fn fn,
	void *data, struct err *err);

#endif
