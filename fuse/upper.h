/* SPDX-License-Identifier: Apache-2.0 */
/* Single steps on objects of the upper and the work directory. */
#ifndef SBX_FUSE_UPPER_H
#define SBX_FUSE_UPPER_H

#include "beside.h"
#include "node.h"

/* Renames without replacing anything, where the file system can tell. */
int upper_rename_new(int from_dir, const char *from, int to_dir, const char *to);

/* Type of the object at this name of the upper: S_IFMT bits, 0 = nothing, -errno. */
int upper_type(struct ovl *fs, struct at at);

/* Of the object itself, also if it is a symbolic link. */
int upper_setxattr(struct at at, const struct ovl_xattr *xattr);

/* One of our own facts: an xattr, or beside the layer where there can be none. */
int upper_mark(struct ovl *fs, struct at at, const struct beside_fact *mark);

/* Never follows a symbolic link; -EOPNOTSUPP for one. */
int upper_chmod(struct at at, mode_t mode);

/* Owner and mode of something just made, asked for by a caller. */
int upper_set_owner(struct ovl *fs, struct at at, const struct stat *want);

#endif
