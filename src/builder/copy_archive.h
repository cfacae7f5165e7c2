/* SPDX-License-Identifier: Apache-2.0 */
/* ADD of a local archive. libarchive lives in sbx-image, which does the unpacking. */
#ifndef SBX_BUILDER_COPY_ARCHIVE_H
#define SBX_BUILDER_COPY_ARCHIVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* Told by content, not by name: 1 for a tar archive, plain or compressed by gzip, bzip2, xz or zstd; 0
 * for anything else, a compressed file that holds no archive included. */
int archive_is(int source, const char *path, struct err *err);

struct archive_job {
	int root;           /* file system it goes to */
	const char *prefix; /* directory there; no symlink on the way */
	int source;
	const char *from;
	bool owner; /* uid and gid for all; else those of the archive */
	uid_t uid;
	gid_t gid;
};
int archive_unpack(const struct archive_job *job, struct err *err);

#endif
