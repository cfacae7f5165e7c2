/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c walks, pack_entry.c says what one entry is. */
#ifndef SBX_IMAGE_PACK_PRIVATE_H
#define SBX_IMAGE_PACK_PRIVATE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/facts.h"
#include "base/strv.h"

/* facts: what the layer's xattrs cannot say. */
bool pack_is_whiteout(const struct facts *facts, int dir, const char *name, const struct stat *st);
bool pack_is_opaque(const struct facts *facts, int dir);

/* With a single id: what is kept of dir/name, or of dir itself with "", replaces owner, mode and device in *st. */
void pack_kept_stat(const struct facts *facts, int dir, const char *name, struct stat *st);

/* pax records for the attributes that belong to the file. */
int pack_xattrs(int fd, struct buf *pax, struct err *err);

/* pack_target.c: by name and kind it may be one; then it counts when it is empty and pack_below() does not
 * find it in the directories below, base first. */
bool pack_may_be_target(const char *path, const struct stat *st);
bool pack_below(const struct strv *lower, const char *path, struct stat *ret);

/* First paths of files with several names. */
struct pack_links;
struct pack_links *pack_links_new(void);
void pack_links_free(struct pack_links *links);
/* The path this file was packed under, or NULL: then `path` is remembered. Borrowed. */
const char *pack_links_find(struct pack_links *links, const struct stat *st, const char *path);

#endif
