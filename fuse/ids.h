/* SPDX-License-Identifier: Apache-2.0 */
/*
 * With one single id: owners, modes and device numbers that the image or the program asked for, kept
 * beside the file (base/kept.h).
 *
 * The mode and the device are shown. The owner is not: one that the namespace cannot map would make the
 * kernel refuse every write to the file, also to the container's root. It waits for a commit or an export.
 */
#ifndef SBX_FUSE_IDS_H
#define SBX_FUSE_IDS_H

#include <sys/stat.h>

#include "node.h"

/* 1 and *ret's owner, mode and device when something is kept, else 0 (also for nonsense). *ret must be the
 * object's own stat. */
int ids_kept(const struct where *where, struct stat *ret);

/* Overwrites mode and device of *st, the object's own stat, with what is kept. */
void ids_show(const struct where *where, struct stat *st);

/* In the xattr or beside the layer; with neither, only regular files and directories make it an error. */
int ids_keep(struct ovl *fs, struct at at, const struct stat *st);

/* User xattrs exist on these two only: regular files and directories. */
bool ids_has_own(mode_t mode);

#endif
