/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_ROOTFS_COPY_H
#define SBX_ROOTFS_COPY_H

#include "base/err.h"

/* First use of a volume: when the directory at host path is empty, fills it with what the open
 * directory `from` holds and gives it from's owner and mode. Never follows a symlink of either side,
 * never touches a directory with content (CVE-2022-23648 is the attack). Devices are skipped. */
int copy_into_empty(int from, const char *path, struct err *err);

#endif
