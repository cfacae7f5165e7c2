/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build context: a directory that is read in place, and what is allowed to be seen of it. Archives,
 * standard input, git and http(s) contexts are fetched into a fresh private directory first. Nothing
 * outside is reachable: every path is opened inside the root, whatever symlinks say.
 */
#ifndef SBX_BUILDER_CONTEXT_H
#define SBX_BUILDER_CONTEXT_H

#include "base/err.h"
#include "builder/ignore.h"
#include "options/options.h"

struct context {
	int root;   /* O_PATH directory; -EBADF = there is none ("-" with only a Dockerfile) */
	char *name; /* as typed, for messages */
	char *dockerfile; /* its text */
	size_t dockerfile_len;
	char *dockerfile_name; /* "Dockerfile", for messages */
	struct ignore *ignore; /* NULL: nothing is ignored */
	char *temporary;       /* directory to remove at the end, or NULL */
};
#define CONTEXT_INIT           \
	{                      \
		.root = -EBADF \
	}
#define autocontext __attribute__((cleanup(context_done)))
void context_done(struct context *context);

/* where: PATH, "-", a git or http(s) URL. file: -f, or NULL. scratch: directory for what is fetched. */
int context_open(const char *where, const char *file, const char *scratch, struct context *ret,
	struct err *err);

/* A --build-context name=dir: the directory with its own .dockerignore, no Dockerfile. */
int context_open_named(const char *dir, struct context *ret, struct err *err);

#endif
