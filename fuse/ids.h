/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners, modes and device numbers that the namespace cannot hold, kept beside the file in the xattr
 * user.sbx.stat as "uid:gid:mode:rdev" (uid, gid, rdev decimal, mode octal with its type).
 * Only used when there is one single id.
 */
#ifndef SBX_FUSE_IDS_H
#define SBX_FUSE_IDS_H

#include <sys/stat.h>

#include "node.h"

#define XATTR_STAT "user.sbx.stat"

/* Overwrites owner, mode and device of *st with what is kept; nothing kept is no failure. */
int ids_show(const struct where *where, struct stat *st);

/* Keeps st's owner, mode and device for an upper object. */
int ids_keep(struct at at, const struct stat *st);

/* Pure; -EINVAL. */
int ids_parse(const char *text, struct stat *st);

#endif
