/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables: tab-ended cells become aligned columns. A line's last cell ends with its newline and takes no
 * part in the alignment, so a long last column moves nothing. Widths are counted in code points.
 */
#include "commands/output.h"

#include "base/own.h"
#include "base/xalloc.h"

#define CELL_MIN     10
#define CELL_PADDING 3

static size_t code_points(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += ((unsigned char)s[i] & 0xc0) != 0x80;
	return n;
}

struct widths {
	size_t *w;
	size_t n;
	size_t min;
};

static void widen(struct widths *widths, size_t column, size_t cell)
{
	size_t want = cell + CELL_PADDING > widths->min ? cell + CELL_PADDING : widths->min;

	if (column >= widths->n) {
		widths->w = xreallocarray(widths->w, column + 1, sizeof(*widths->w));
		widths->w[widths->n++] = 0;
	}
	if (want > widths->w[column])
		widths->w[column] = want;
}

static void measure(const char *lines, struct widths *widths)
{
	for (size_t column = 0; *lines;) {
		size_t n = strcspn(lines, "\t\n");

		if (lines[n] == '\t')
			widen(widths, column, code_points(lines, n));
		column = lines[n] == '\t' ? column + 1 : 0;
		lines += n + (lines[n] != '\0');
	}
}

void table_align(const char *lines, struct buf *out)
{
	table_align_min(lines, CELL_MIN, out);
}

void table_align_min(const char *lines, size_t min, struct buf *out)
{
	struct widths widths = { .min = min };

	measure(lines, &widths);
	for (size_t column = 0; *lines;) {
		size_t n = strcspn(lines, "\t\n");

		buf_add(out, lines, n);
		if (lines[n] == '\t')
			buf_addf(out, "%*s", (int)(widths.w[column] - code_points(lines, n)), "");
		if (lines[n] == '\n')
			buf_addc(out, '\n');
		column = lines[n] == '\t' ? column + 1 : 0;
		lines += n + (lines[n] != '\0');
	}
	free(widths.w);
}
