/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include "base/own.h"

size_t utf8_length(const void *text, size_t len)
{
	/* Unicode, table 3-7: first byte, range of the second, length; the others are 80..BF */
	static const struct {
		unsigned char first, last, low, high, n;
	} forms[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *s = text;

	if (len == 0)
		return 0;
	if (s[0] < 0x80)
		return 1;
	for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
		if (s[0] < forms[f].first || s[0] > forms[f].last)
			continue;
		if (forms[f].n > len || s[1] < forms[f].low || s[1] > forms[f].high)
			return 0;
		for (size_t i = 2; i < forms[f].n; i++)
			if ((s[i] & 0xc0) != 0x80)
				return 0;
		return forms[f].n;
	}
	return 0;
}
