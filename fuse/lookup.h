/* SPDX-License-Identifier: Apache-2.0 */
/* From a name to a node: what other operations need of lookup.c. Called with the lock held. */
#ifndef SBX_FUSE_LOOKUP_H
#define SBX_FUSE_LOOKUP_H

#include "node.h"

#define XATTR_INO "user.overlay.sbx.ino" /* of copied-up files: the number they were shown with */

/* Notes the number on the upper object; without it the file is shown with another number once its
 * node has been forgotten. */
void lookup_keep_ino(struct ovl *fs, struct at at, uint64_t ino);

/* -EINVAL, -ENAMETOOLONG; "." and ".." are no names here. */
int lookup_check_name(const char *name);

/* The node of parent/name and its attributes as shown (NULL: nobody asks); counts nothing. -ENOENT. */
int lookup_child(struct ovl *fs, struct node *parent, const char *name, struct node **ret,
	struct stat *ret_st);

/* A node for an upper object that was just made in parent. */
struct made {
	const char *name;
	int fd; /* of a regular file, or -1; borrowed */
};
int lookup_adopt(struct ovl *fs, struct node *parent, const struct made *made, struct node **ret,
	struct stat *ret_st);

/* 1 or 0: the name is known to be nothing, with or without a whiteout in the upper; -1: not known. */
int lookup_absent(const struct ovl *fs, const struct node *dir, const char *name);

/* Counts a lookup and fills the entry. */
void lookup_count(struct node *node, const struct stat *st, struct ovl_entry *ret);

int lookup_root(struct ovl *fs, struct node **ret);

#endif
