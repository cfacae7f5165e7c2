/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A directory tree in the layers' on-disk format becomes a tar stream, read as root of a user
 * namespace, so that owners are what the container sees. Names inside are data: every directory is
 * reached through the descriptor of its parent, no symlink is followed.
 */
#ifndef SBX_IMAGE_PACK_H
#define SBX_IMAGE_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strv.h"
#include "image/image.h"

struct store;

struct pack {
	struct strv dirs; /* absolute; the base layer first, the container's own last */
	bool layer;       /* dirs is one directory: whiteouts become .wh. members */
	int fd;           /* where the stream goes; borrowed */
	/* A layer may become layers/<chain id> on the way, so that nobody has to unpack its blob. */
	const struct store *store; /* NULL = it does not */
	const struct strv *lower;  /* directories below the layer, or NULL: what run made for its
				   * mounts is left out where they have none of that name */
	const char *parent;        /* chain id of the layer below, NULL for the first */
	const struct store
		*inside; /* its user namespace (store_inside()) is joined; NULL = one is made */
	bool clamp;      /* no time is later than: */
	int64_t latest;
};

struct pack_result {
	char digest[DIGEST_MAX]; /* of the stream; "" unless it is a layer */
	int64_t bytes;
	int64_t members;
	char chain_id[65]; /* of the layer that was made, "" without one */
	int64_t content;   /* bytes of the files */
};

int pack_run(const struct pack *pack, struct pack_result *ret, struct err *err);

#endif
