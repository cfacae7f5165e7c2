/* SPDX-License-Identifier: Apache-2.0 */
/* What a container changed in its file system, for `diff` and reports. */
#ifndef SBX_COMMANDS_CHANGED_H
#define SBX_COMMANDS_CHANGED_H

#include <stdint.h>

#include "rootfs/rootfs.h"
#include "state/state.h"

struct changed_file {
	char kind;    /* 'A', 'C' or 'D' */
	int64_t size; /* of a regular file, else 0 */
	const char *path;
};

/* Calls fn for each in order of paths. The walk runs as uid 0 of a user namespace: files may belong to
 * sub-ids. Paths are raw bytes of the container's choice.
 * what names the thing in errors; fn and data of changes are not used. */
int changed_files(const struct rootfs_changes *changes, const char *what,
	int (*fn)(void *data, const struct changed_file *file, struct err *err), void *data,
	struct err *err);
/* The same for a container. */
int changed_in_container(const struct container *c,
	int (*fn)(void *data, const struct changed_file *file, struct err *err), void *data,
	struct err *err);

#endif
