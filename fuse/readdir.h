/* SPDX-License-Identifier: Apache-2.0 */
/* The merged listing of a directory, kept with its node. Called with the lock held. */
#ifndef SBX_FUSE_READDIR_H
#define SBX_FUSE_READDIR_H

#include "node.h"

void listing_changed(struct ovl *fs,
	struct node *dir); /* an entry came or went: read anew from the next start on */
int listing_check_empty(struct ovl *fs, struct node *dir); /* -ENOTEMPTY */

#endif
