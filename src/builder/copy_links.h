/* SPDX-License-Identifier: Apache-2.0 */
/* Which file of a source was copied to which name, so that its other names become hard links there. */
#ifndef SBX_BUILDER_COPY_LINKS_H
#define SBX_BUILDER_COPY_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct copy_links {
	void *by_source, *by_dest; /* trees of the same entries */
	size_t n;
};

void copy_links_done(struct copy_links *links);

/* May the file have another name that is copied, too? */
bool copy_links_wants(const struct stat *source);

/* The same file, and not changed since. */
bool copy_links_same(const struct stat *a, const struct stat *b);

/* `source` is now at `path` of the image, where it is `dest`. Replaces what was known of the source; a table that
 * is full takes no more. */
void copy_links_note(struct copy_links *links, const struct stat *source, const struct stat *dest,
	const char *path);

/* Where the source was copied to, and as what; NULL: nowhere. Borrowed until the table changes. */
const char *copy_links_find(
	const struct copy_links *links, const struct stat *source, struct stat *ret_dest);

/* What has this stat in the image is about to be removed; a directory, with anything below it. To be called
 * before: the number of an inode that is gone is soon another file's. */
void copy_links_forget(struct copy_links *links, const struct stat *dest);

#endif
