/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which names the lower parts of a directory have, as a set of hashes: what is not in the set need not
 * be looked for layer by layer. It says "perhaps" or "surely not"; lower layers do not change, so an
 * answer holds for ever. Made once a directory has been searched in vain some times, and not for
 * directories with very many entries. Called with the lock held.
 */
#ifndef SBX_FUSE_NAMES_H
#define SBX_FUSE_NAMES_H

#include "node.h"

bool names_surely_not(struct ovl *fs, struct node *dir, const char *name);

/* A search of the lower parts has found nothing. */
void names_missed(struct ovl *fs, struct node *dir);

#endif
