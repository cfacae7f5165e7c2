/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes are a manifest, an index or an error; what is accepted has only canonical digests and at
 * most 127 layers. The first byte chooses the header it came with. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "image/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct descriptor *d)
{
	if (!digest_valid(d->digest) || d->size < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const headers[] = { NULL, "application/json",
		"application/vnd.oci.image.manifest.v1+json",
		"application/vnd.oci.image.index.v1+json",
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.list.v2+json; charset=utf-8" };
	automanifest struct manifest m = { 0 };
	struct err err = ERR_INIT;
	struct descriptor chosen;

	if (size < 1)
		return 0;
	if (manifest_parse((const char *)data + 1, size - 1, headers[data[0] % ARRAY_SIZE(headers)],
		    &m, &err) < 0) {
		if (err.code >= 0 || !err.text[0])
			abort();
		return 0;
	}
	if (m.kind == DOC_INDEX) {
		if (manifest_select(&m, "linux/amd64", &chosen, &err) == 0)
			check(&chosen);
		return 0;
	}
	if (m.n_layers > 127) /* none: an image of settings only */
		abort();
	check(&m.config);
	for (size_t i = 0; i < m.n_layers; i++)
		check(&m.layers[i]);
	return 0;
}
