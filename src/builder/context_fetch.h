/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts that come through standard input or a network, into a fresh private directory. */
#ifndef SBX_BUILDER_CONTEXT_FETCH_H
#define SBX_BUILDER_CONTEXT_FETCH_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct fetched {
	char *directory; /* to be removed at the end; NULL = none */
	int root;        /* of the tree; -EBADF: only `text`, a Dockerfile, came */
	struct buf text;
};
#define FETCHED_INIT           \
	{                      \
		.root = -EBADF \
	}
void fetched_done(struct fetched *fetched);

/* where: "-", or a git or http(s) address. scratch: directory in which to make one. */
int context_fetch(const char *where, const char *scratch, struct fetched *ret, struct err *err);

/* context.c: all of fd, at most max bytes. */
int context_read_fd(int fd, const char *name, size_t max, struct buf *out, struct err *err);

/* Is it a repository rather than a file? "git@…", "git://…", "ssh://…", "….git", "….git#ref:dir". */
bool git_is_address(const char *where);

/* "address[#ref[:dir]]" in its parts, to be passed to git(1). -EINVAL: a part would be an option, or name a
 * transport that is a program. Pure. */
struct git_address {
	char *url, *ref, *dir; /* owned; ref and dir may be NULL */
};
int git_address_split(const char *where, struct git_address *ret, struct err *err);
void git_address_done(struct git_address *address);

/* Clones "address[#ref[:dir]]" into the directory `into`, which must not exist yet, and opens the tree
 * (or its dir, found inside it). keep_git: leave .git. */
int git_fetch(const char *where, const char *into, bool keep_git, struct err *err);

/* Downloads url into the file dir/name (0600). checksum: "sha256:…" or NULL. */
int url_fetch(const char *url, const char *checksum, const char *path, struct err *err);

#endif
