/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hard link of an image where the store's file system has none: a second file with the same contents, owner, mode, time and
 * attributes. The two are no longer one: what is written to one later does not appear in the other, which images live with.
 */
#ifndef SBX_IMAGE_UNPACK_COPY_H
#define SBX_IMAGE_UNPACK_COPY_H

#include <stdbool.h>

#include "base/err.h"

/* Does this errno of linkat() mean "no hard links here"? EMLINK does not: who has thousands is an attacker. */
bool unpack_no_links(int errnum);

/* from_name in from, a file and no link, becomes name in dir, which is not there yet. */
int unpack_copy_file(int from, const char *from_name, int dir, const char *name, struct err *err);

#endif
