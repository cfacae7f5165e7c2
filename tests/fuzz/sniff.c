/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of a connection. Whatever arrives piece by piece must get the verdict of the whole. */
#include <assert.h>
#include <string.h>

#include "netstack/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char whole[SNIFF_NAME], part[SNIFF_NAME];
	enum sniff verdict;

	if (size > 4096)
		return 0;
	verdict = sniff_name(data, size, whole);
	assert(strlen(whole) < sizeof(whole));
	assert((verdict == SNIFF_NAMED) == (*whole != '\0'));
	for (size_t n = size > 64 ? size - 64 : 0; n < size; n++) {
		enum sniff early = sniff_name(data, n, part);

		if (early == SNIFF_NAMED) /* said too early: more bytes must not change it */
			assert(verdict == SNIFF_NAMED && strcmp(part, whole) == 0);
	}
	return 0;
}
