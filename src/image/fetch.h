/* SPDX-License-Identifier: Apache-2.0 */
/* All missing layers of one image: downloads in parallel, unpacks each as soon as it is verified. */
#ifndef SBX_IMAGE_FETCH_H
#define SBX_IMAGE_FETCH_H

#include "image/progress.h"
#include "image/registry.h"
#include "image/store.h"

struct layer {
	const struct descriptor *blob;  /* borrowed from the manifest */
	const char *diff_id, *chain_id; /* borrowed */
	size_t row;                     /* of progress */
};

struct fetch {
	const struct store *store; /* borrowed, all of them */
	struct registry *registry;
	struct progress *progress;
	const struct layer *layers;
	size_t n;
};

/* Afterwards every layer's blob and directory are in the store. On failure everything started has
 * ended, finished layers and partial downloads stay for the next pull. */
int fetch_layers(const struct fetch *fetch, struct err *err);

#endif
