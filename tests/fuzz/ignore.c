/* SPDX-License-Identifier: Apache-2.0 */
/* The first line is a path, the rest are patterns. What may not hold anything wanted must be ignored
 * throughout: a directory that is skipped loses nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autostrv struct strv patterns = STRV_INIT;
	autoignore struct ignore *ignore = NULL;
	autofree char *text = xmalloc(size + 1), *below = NULL;
	struct err err = ERR_INIT;
	char *rest;

	memcpy(text, data, size);
	text[size] = '\0';
	rest = strchrnul(text, '\n');
	if (*rest)
		*rest++ = '\0';
	ignore_read(rest, strlen(rest), &patterns);
	if (ignore_new(&patterns, &ignore, &err) < 0) {
		if (!*err.text)
			abort();
		return 0;
	}
	below = xasprintf("%s/below/it", text);
	if (*text && ignore_match(ignore, text) && !ignore_may_hold(ignore, text) &&
		!ignore_match(ignore, below))
		abort();
	return 0;
}
