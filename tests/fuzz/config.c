/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON is an image config or an error; no environment entry without a name and a "=" gets
 * through, and as many diff ids as were asked for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "image/store_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_environment(const struct image *image)
{
	strv_each (entry, &image->env) {
		const char *equals = strchr(*entry, '=');

		if (!equals || equals == *entry)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autostrv struct strv ids = STRV_INIT, chains = STRV_INIT;
	autoimage struct image image = { 0 };
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	if (json_parse((const char *)data, size, &doc, &err) < 0)
		return 0;
	if (config_apply(doc, &image, &err) == 0)
		check_environment(&image);
	(void)config_created(doc);
	if (config_diff_ids(doc, 2, &ids, &err) < 0)
		return 0;
	chain_ids(&ids, &chains);
	if (ids.n != 2 || chains.n != 2 || !chain_id_valid(chains.v[0]) ||
		!chain_id_valid(chains.v[1]))
		abort();
	return 0;
}
