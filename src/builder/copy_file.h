/* SPDX-License-Identifier: Apache-2.0 */
/* One file, symlink or fifo of a COPY, made new with owner, mode and times. */
#ifndef SBX_BUILDER_COPY_FILE_H
#define SBX_BUILDER_COPY_FILE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

struct copy_entry {
	int source;       /* root of the source */
	const char *from; /* path in it, without a symlink on the way */
	const char *data; /* not NULL: the file's content instead */
	bool keep_xattrs;
	bool kept;      /* a device becomes a file that is known as one */
	struct stat st; /* what it must become */
};

/* dir/name does not exist. */
int copy_entry_make(int dir, const char *name, const struct copy_entry *entry, struct err *err);

/* An owner that the namespace cannot hold (a single id) is kept beside the file, but for links and fifos, which
 * stay the caller's. name "": dir itself, readable. */
int copy_set_owner(int dir, const char *name, uid_t uid, gid_t gid, struct err *err);

#endif
