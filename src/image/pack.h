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

struct pack {
	struct strv dirs; /* absolute; the base layer first, the container's own last */
	bool layer;       /* dirs is one directory: whiteouts become .wh. members */
	int fd;           /* where the stream goes; borrowed */
};

struct pack_result {
	char digest[DIGEST_MAX]; /* of the stream; "" unless it is a layer */
	int64_t bytes;
	int64_t members;
};

int pack_run(const struct pack *pack, struct pack_result *ret, struct err *err);

#endif
