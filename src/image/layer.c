/* SPDX-License-Identifier: Apache-2.0 */
/* A container's changes become a layer, on their way into the blob: the directory is only read. */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/pack.h"
#include "image/store_private.h"

int layer_take(const struct store *store, const struct layer_source *source,
	struct layer_taken *ret, struct err *err)
{
	autospool struct spool spool = { .fd = -EBADF };
	struct pack pack = { .layer = true,
		.store = store,
		.inside = store,
		.parent = source->parent,
		.lower = source->lower };
	struct layer_taken taken = { .chain_id = "" };
	struct pack_result result;
	int r;

	TRY(spool_begin(&spool, store, NULL, err));
	pack.fd = spool.fd;
	strv_add(&pack.dirs, source->dir);
	r = pack_run(&pack, &result, err);
	strv_done(&pack.dirs);
	TRY(r);
	if (result.members > 0) {
		TRY(store_partial_commit_as(store, spool.name, result.digest, spool.fd, err));
		spool.have = true; /* nothing is left to remove */
		(void)snprintf(taken.blob.digest, sizeof(taken.blob.digest), "%s", result.digest);
		(void)snprintf(taken.chain_id, sizeof(taken.chain_id), "%s", result.chain_id);
		TRY(install_layer_type(store, &taken.blob, err));
	}
	*ret = taken;
	return 0;
}
