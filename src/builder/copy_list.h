/* SPDX-License-Identifier: Apache-2.0 */
/* What the sources of a COPY or ADD are: every file and directory, in the order they are made. */
#ifndef SBX_BUILDER_COPY_LIST_H
#define SBX_BUILDER_COPY_LIST_H

#include <sys/stat.h>

#include "builder/copy.h"

struct copy_item {
	char *from; /* relative to the source's root, without a symlink on the way; "" is the root */
	char *to;   /* relative to the destination; "" is the destination itself, a directory */
	struct stat st;
	bool top; /* named by the instruction, not found below a directory */
};

struct copy_list {
	struct copy_item *items;
	size_t n;
	size_t tops;      /* sources after globs, inline files included */
	bool has_dirs;    /* one of them is a directory */
	bool has_sockets; /* which are never copied, and are no items */
};
#define autocopylist __attribute__((cleanup(copy_list_done)))
void copy_list_done(struct copy_list *list);

/* source may be -1 when all are inline. -ENOENT names the source that is not there. */
int copy_list_new(int source, const struct copy_plan *plan, struct copy_list *ret, struct err *err);

#endif
