/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says about a held packet, whose bytes a member chose. */
#include <assert.h>

#include "netstack/syn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t used;

	for (size_t at = 0; at < size; at += used) {
		struct syn syn;

		if (syn_parse(data + at, size - at, &syn, &used))
			assert(syn.from.any.sa_family == syn.to.any.sa_family);
		assert(used >= 1 && used <= size - at);
	}
	return 0;
}
