/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/diagnose.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define WORD_MAX 64 /* longer words are no misspelt names */
#define RULE     "--------------------\n"
#define AROUND   4 /* lines shown before and after the place */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein, without regard to case. Both words are at most WORD_MAX bytes. */
static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(b);
	unsigned row[WORD_MAX + 1];

	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				diagonal + (lower(a[i - 1]) != lower(b[j - 1])));
			diagonal = above;
		}
	}
	return row[n];
}

const char *diagnose_nearest(const char *word, const char *const *names)
{
	const char *best = NULL;
	unsigned least = 3; /* two slips are a slip, three are another word */

	if (!*word || strlen(word) > WORD_MAX)
		return NULL;
	for (; *names; names++) {
		unsigned d = strlen(*names) <= WORD_MAX ? distance(word, *names) : least;

		if (d < least && d < strlen(*names)) {
			least = d;
			best = *names;
		}
	}
	return best;
}

/* A line of the file as a terminal may see it: control bytes and broken UTF-8 as \xHH. */
static void add_line(const char *line, size_t len, struct buf *out)
{
	for (size_t i = 0; i < len;) {
		unsigned char c = (unsigned char)line[i];
		size_t n = utf8_length(line + i, len - i);

		if (n == 0 || (n == 1 && c != '\t' && (c < 0x20 || c == 0x7f)) ||
			(n == 2 && c == 0xc2 && (unsigned char)line[i + 1] < 0xa0)) {
			buf_addf(out, "\\x%02x", c);
			i++;
			continue;
		}
		buf_add(out, line + i, n);
		i += n;
	}
}

void diagnose(const struct dockerfile *file, struct lines lines, struct buf *out)
{
	const char *line = file->text;
	unsigned number = 1;

	if (lines.first == 0 || !line)
		return;
	buf_addf(out, "%s:%u\n" RULE, file->name, lines.first);
	for (; *line; number++) {
		const char *end = strchrnul(line, '\n');
		size_t len = (size_t)(end - line);
		bool here = number >= lines.first && number <= lines.last;

		while (len > 0 && line[len - 1] == '\r')
			len--;
		if (number + AROUND >= lines.first && number <= lines.last + AROUND) {
			buf_addf(out, "%4u | %s ", number, here ? ">>>" : "   ");
			add_line(line, len, out);
			buf_addc(out, '\n');
		}
		line = *end ? end + 1 : end;
	}
	buf_adds(out, RULE);
}
