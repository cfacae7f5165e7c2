/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_ROOTFS_TARGET_H
#define SBX_ROOTFS_TARGET_H

#include <stdbool.h>

#include "base/err.h"

/* Opens (O_PATH) where something is to be mounted, resolved inside root; makes what is missing. A
 * dangling symlink (/etc/resolv.conf -> ../run/…) is followed inside root and its end is made. */
int target_open(int root, const char *path, bool want_dir, struct err *err);

#endif
