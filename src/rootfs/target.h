/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_ROOTFS_TARGET_H
#define SBX_ROOTFS_TARGET_H

#include <stdbool.h>

#include "base/err.h"

/* Opens (O_PATH) where something is to be mounted, resolved inside root; makes what is missing. Dangling
 * symlinks, at its end or on the way (/etc/resolv.conf -> ../run/…), are completed inside root. */
int target_open(int root, const char *path, bool want_dir, struct err *err);

#endif
