/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks in a layer that hide what is below: a whiteout (character device 0:0, or an empty file with
 * user.overlay.whiteout in a directory marked opaque=x; that kind is written where mknod is refused) hides a name, an opaque directory hides the
 * lower directories of its name.
 */
#ifndef SBX_FUSE_WHITEOUT_H
#define SBX_FUSE_WHITEOUT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "node.h"

#define XATTR_OPAQUE   "user.overlay.opaque"
#define XATTR_WHITEOUT "user.overlay.whiteout"
#define DOT_WH         ".wh." /* in layers that have it: what other tools unpack for fuse-overlayfs */

bool whiteout_is_device(const struct stat *st);

/* 0 and *ret: something is there. 1: a whiteout. -ENOENT: nothing. xwhite: the directory may hold
 * whiteouts of the xattr kind, or ".wh." names. */
int whiteout_probe(struct layer *layer, struct at at, bool xwhite, struct stat *ret);

/* 'y' opaque, 'x' may hold whiteouts that are no devices, 0 neither. */
int whiteout_dir_mark(struct layer *layer, struct at at);
int whiteout_set_opaque(struct ovl *fs, struct at at);

/* Hides `name`, which must not exist, in an upper directory. */
int whiteout_make(struct ovl *fs, struct at at);
/* The same over an existing object that is not a directory, in one step. */
int whiteout_replace(struct ovl *fs, struct at at);
/* A whiteout under a fresh name in the work directory, for an exchange. */
int whiteout_make_tmp(struct ovl *fs, char *ret_name);

/* Would the name show something of a lower layer if the upper had nothing? 1 yes, 0 no. After a yes the
 * upper directory, which must exist, may get the whiteout. */
int whiteout_needed(struct ovl *fs, struct node *dir, const char *name);
/* The same when it is known what is there now. */
int whiteout_needed_for(
	struct ovl *fs, struct node *dir, const char *name, const struct node *node);

#define TMP_NAME 24
void work_name(struct ovl *fs, char *ret); /* fresh; ret holds TMP_NAME bytes */
void work_remove(
	struct ovl *fs, const char *name); /* a whole tree; what stays is emptied at next start */

#endif
