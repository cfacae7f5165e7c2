/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused or becomes a reference whose printed form parses to the same reference. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xmalloc(size + 1), *full = NULL, *again_full = NULL, *familiar = NULL;
	autoref struct ref ref = { 0 }, again = { 0 };
	struct err err = ERR_INIT;

	memcpy(text, data, size);
	text[size] = '\0';
	if (ref_parse(text, &ref, &err) < 0) {
		if (!*err.text || ref.path)
			abort();
		return 0;
	}
	full = ref_full(&ref);
	familiar = ref_familiar(&ref);
	if (ref_parse(full, &again, &err) < 0 || strstr(ref.path, "..") ||
		strpbrk(full, "%?#\\ \n"))
		abort();
	again_full = ref_full(&again);
	if (strcmp(full, again_full) != 0)
		abort();
	return 0;
}
