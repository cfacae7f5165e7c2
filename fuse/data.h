/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_FUSE_DATA_H
#define SBX_FUSE_DATA_H

#include <stdbool.h>

#include "node.h"

/* The slot with the data descriptor of a regular file, opened if need be; for writing the file is in
 * the upper already. With the lock held. */
int data_slot(struct ovl *fs, struct node *node, bool writing, struct slot **ret);

#endif
