/* SPDX-License-Identifier: Apache-2.0 */
/* Beside the stream, the layer itself. All calls are no-ops for a tee that was not begun. */
#ifndef SBX_IMAGE_PACK_TEE_H
#define SBX_IMAGE_PACK_TEE_H

#include "image/tarout.h"
#include "image/unpack.h"

struct tee {
	bool on;
	struct staging staging;
	struct writer writer;
	struct unpack_entry entry; /* the member at hand; its strings are the caller's */
	int fd;                    /* of the member whose data are awaited */
	struct unpack_xattr *xattrs;
	struct strv names;
};
#define TEE_INIT                                      \
	{                                             \
		.staging = STAGING_INIT, .fd = -EBADF \
	}

int tee_begin(struct tee *tee, const struct store *store, const struct idmap *map, struct err *err);
/* A file with data leaves tee->fd open for them until tee_end(). */
int tee_member(struct tee *tee, const struct tar_member *m, struct err *err);
bool tee_clone(struct tee *tee, int source); /* false: the data have to be written */
int tee_end(struct tee *tee, struct err *err);
/* The layer gets its name, told in ret. parent: chain id or NULL. */
int tee_commit(
	struct tee *tee, const char *parent, const char *diff_id, char ret[65], struct err *err);
void tee_done(struct tee *tee); /* removes what was not committed */

#endif
