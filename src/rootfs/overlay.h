/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_ROOTFS_OVERLAY_H
#define SBX_ROOTFS_OVERLAY_H

#include "rootfs/rootfs.h"

/* Child: mounts layers, upper and work over rootfs->container and opens the result (O_PATH). */
int overlay_mount(const struct rootfs *rootfs, const struct rootfs_child *child, int *ret_root,
	struct err *err);

#endif
