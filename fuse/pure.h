/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a merged directory the upper's alone, so that it can be moved: everything below it is copied up,
 * then it and the directories in it are made opaque. Nothing that can be seen changes, whatever
 * moment it ends at, and the kernel's overlay reads the result; a redirect it would not follow.
 */
#ifndef SBX_FUSE_PURE_H
#define SBX_FUSE_PURE_H

#include "node.h"

/* May drop the lock while data moves: the caller refers to the node, and looks again at all else.
 * -EXDEV when it cannot be done: then who moves it copies it himself. */
int pure_make(struct ovl *fs, struct node *dir);

#endif
