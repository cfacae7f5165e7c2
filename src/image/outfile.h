/* SPDX-License-Identifier: Apache-2.0 */
/* Where save and export write: standard output, never a terminal, or a file that appears when it is
 * whole. */
#ifndef SBX_IMAGE_OUTFILE_H
#define SBX_IMAGE_OUTFILE_H

#include "base/err.h"

struct outfile {
	int fd;
	int folder; /* O_PATH, where the file appears; -EBADF when it is written to directly */
	char *path, *temp; /* NULL when it is written to directly */
};
#define OUTFILE_INIT                           \
	{                                      \
		.fd = -EBADF, .folder = -EBADF \
	}
void outfile_done(struct outfile *out); /* removes what was not committed */
#define autooutfile __attribute__((cleanup(outfile_done)))

/* path NULL or "-": stdout. verb: "save", "export", for the refusal. */
int outfile_open(const char *path, const char *verb, struct outfile *ret, struct err *err);
int outfile_commit(struct outfile *out, struct err *err);

#endif
