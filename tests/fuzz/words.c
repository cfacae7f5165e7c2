/* SPDX-License-Identifier: Apache-2.0 */
/* Any text is refused with a reason, or expands to something bounded; what has no special character
 * stays as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autostrv struct strv env = STRV_INIT, words = STRV_INIT, used = STRV_INIT;
	struct expansion how = { .escape = size % 2 ? '`' : '\\', .env = &env, .ret_used = &used };
	autofree char *text = xmalloc(size + 1), *out = NULL;
	struct err err = ERR_INIT;

	memcpy(text, data, size);
	text[size] = '\0';
	strv_add(&env, "A=aXbXc");
	strv_add(&env, "EMPTY=");
	if (expand_word(&how, text, &out, &err) < 0) {
		if (!*err.text)
			abort();
		return 0;
	}
	if (strlen(out) > EXPANSION_MAX + size)
		abort();
	if (!strpbrk(text, "$\\`'\"<") && strcmp(text, out) != 0)
		abort();
	if (expand_words(&how, text, &words, &err) < 0)
		abort();
	strv_each (word, &words)
		if (!**word)
			abort();
	return 0;
}
