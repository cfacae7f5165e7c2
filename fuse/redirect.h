/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redirects: a directory that was moved says in user.overlay.redirect where the layers below have it. "/a/b" is a path from their
 * common root, "b" another name in the same place; whatever stands there in a layer is followed as the kernel
 * follows it. The path is walked name by name below open directories and no link is followed, so a
 * redirect leads nowhere but into a layer.
 */
#ifndef SBX_FUSE_REDIRECT_H
#define SBX_FUSE_REDIRECT_H

#include "node.h"

#define XATTR_REDIRECT "user.overlay.redirect"

/* What the directory says, allocated; NULL when that is nothing. -EINVAL: it is none of the two forms. */
int redirect_read(struct layer *layer, struct at at, char **ret);
bool redirect_is_valid(const char *text);

/* The directory at a path from the layer's root: a handle, the caller's. */
int redirect_open(struct layer *layer, const char *path);

/* The directories of a redirect from the root, in the layers below number `above` (0: in all), top down. Stops with
 * fn's first result other than 1. */
struct redirect_dir {
	uint16_t layer;
	const char *path; /* from the layer's root */
	struct stat st;
	bool xwhite;
};
typedef int (*redirect_fn)(void *data, const struct redirect_dir *dir);
struct redirect {
	const char *to;
	uint16_t above;
	redirect_fn fn;
	void *data;
};
int redirect_follow(struct ovl *fs, const struct redirect *redirect);

/* Where the layers below have the directory `name` of dir: allocated, from their common root. */
int redirect_path(const struct node *dir, const char *name, char **ret);
/* Where one layer has it: without the slash in front. */
int redirect_part_path(const struct node *dir, int part, const char *name, char **ret);

/* Prepares a merged directory for another name. -ENAMETOOLONG, -EOPNOTSUPP: no redirect can say it. */
int redirect_make(struct ovl *fs, struct node *dir);

#endif
