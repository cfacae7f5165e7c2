/* SPDX-License-Identifier: Apache-2.0 */
/* The merged listing of a directory, kept with its node. Called with the lock held. */
#ifndef SBX_FUSE_READDIR_H
#define SBX_FUSE_READDIR_H

#include "node.h"

void listing_changed(struct ovl *fs,
	struct node *dir); /* an entry came or went: read anew from the next start on */

/* The names in there, one after the other, each with its end; the caller's. */
int listing_names(struct ovl *fs, struct node *dir, char **ret, size_t *ret_len);

int listing_check_empty(struct ovl *fs, struct node *dir); /* -ENOTEMPTY */

#endif
