/* SPDX-License-Identifier: Apache-2.0 */
/* Where save writes a folder: one that appears when it is whole, in the place of nothing or of an empty one. */
#ifndef SBX_IMAGE_OUTFOLDER_H
#define SBX_IMAGE_OUTFOLDER_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "image/digest.h"

struct outfolder {
	int parent;        /* of the folder that appears */
	int dir;           /* the folder, under its temporary name */
	char *name, *temp; /* in parent */
};
#define OUTFOLDER_INIT                          \
	{                                       \
		.parent = -EBADF, .dir = -EBADF \
	}
void outfolder_done(struct outfolder *out); /* removes what was not committed */
#define autooutfolder __attribute__((cleanup(outfolder_done)))

int outfolder_open(const char *path, struct outfolder *ret, struct err *err);
int outfolder_make(struct outfolder *out, const char *name, struct err *err); /* a folder in it */
int outfolder_text(
	struct outfolder *out, const char *name, const char *text, size_t len, struct err *err);
/* size bytes of fd, from its beginning; digester gets them, too. -EIO: there are fewer. */
int outfolder_copy(struct outfolder *out, const char *name, int fd, int64_t size,
	struct digester *digester, struct err *err);
int outfolder_commit(struct outfolder *out, struct err *err);

#endif
