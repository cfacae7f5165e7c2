/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pattern is a row of tokens; the set of tokens that may come next is carried along the text, one
 * bit each, so the work is text times pattern whatever the stars are. STEPS_MAX bounds it.
 */
#include "builder/pattern.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/text.h"

#define ANY       0xfffffffeU
#define STAR      0xffffffffU
#define STEPS_MAX (64U << 20)

/* Characters of a text or tokens of a pattern. */
struct row {
	uint32_t *c;
	size_t *at; /* byte offset of each, and of the end */
	size_t n;
};

static void row_done(struct row *row)
{
	free(row->c);
	free(row->at);
}

static struct row row_new(const char *text)
{
	size_t len = strlen(text);
	struct row row = { xreallocarray(NULL, len + 1, sizeof(*row.c)),
		xreallocarray(NULL, len + 1, sizeof(*row.at)), 0 };

	for (size_t i = 0, n; i < len; i += n) {
		row.at[row.n] = i;
		row.c[row.n++] = text_decode(text + i, &n);
	}
	row.at[row.n] = len;
	return row;
}

static void row_reverse(struct row *row)
{
	for (size_t i = 0; i + 1 < row->n - i; i++) {
		uint32_t c = row->c[i];

		row->c[i] = row->c[row->n - 1 - i];
		row->c[row->n - 1 - i] = c;
	}
}

static int bad_escape(const char *pattern, const char *at, struct err *err)
{
	size_t len;

	(void)text_decode(at, &len); /* its length is what is wanted */
	return err_set(err, -EINVAL,
		"invalid pattern (%s) in substitution: invalid escape '\\%.*s'", pattern, (int)len,
		at);
}

/* Tokens of a pattern. */
static int compile(const char *pattern, struct row *ret, struct err *err)
{
	struct row row = { .c = xreallocarray(NULL, strlen(pattern) + 1, sizeof(*row.c)) };

	for (const char *p = pattern; *p;) {
		size_t len;
		uint32_t c = text_decode(p, &len);

		if (c == '\\' && !strchr("*?\\}/", p[1] ? p[1] : 'x')) {
			row_done(&row);
			return bad_escape(pattern, p + 1, err);
		}
		if (c == '\\')
			c = text_decode(++p, &len);
		else if (c == '*' || c == '?')
			c = c == '*' ? STAR : ANY;
		row.c[row.n++] = c;
		p += len;
	}
	*ret = row;
	return 0;
}

struct search {
	struct row pattern, text;
	bool *now, *next; /* which tokens may come next; one more than there are: the match */
	bool longest;
	size_t steps;
};

static void search_done(struct search *s)
{
	row_done(&s->pattern);
	row_done(&s->text);
	free(s->now);
	free(s->next);
}

#define autosearch __attribute__((cleanup(search_done)))

static int search_init(
	const char *pattern, const char *text, bool longest, struct search *ret, struct err *err)
{
	ret->longest = longest;
	TRY(compile(pattern, &ret->pattern, err));
	ret->text = row_new(text);
	ret->now = xcalloc(ret->pattern.n + 1, sizeof(bool));
	ret->next = xcalloc(ret->pattern.n + 1, sizeof(bool));
	return 0;
}

/* A star may also be nothing. */
static void pass_stars(const struct row *pattern, bool *set)
{
	for (size_t i = 0; i < pattern->n; i++)
		if (set[i] && pattern->c[i] == STAR)
			set[i + 1] = true;
}

/* One character further. Returns whether any token is left. */
static bool advance(struct search *s, uint32_t c)
{
	const struct row *p = &s->pattern;
	bool *swap = s->now, any = false;

	memset(s->next, 0, (p->n + 1) * sizeof(bool));
	for (size_t i = 0; i < p->n; i++) {
		if (!s->now[i])
			continue;
		if (p->c[i] == STAR ? c != '\n' : p->c[i] == c || (p->c[i] == ANY && c != '\n')) {
			s->next[p->c[i] == STAR ? i : i + 1] = true;
			any = true;
		}
	}
	pass_stars(p, s->next);
	s->now = s->next;
	s->next = swap;
	return any;
}

/* 1 and the end of the match that begins at character `from`; 0 without. */
static int match_at(struct search *s, size_t from, size_t *ret_end, struct err *err)
{
	size_t end = SIZE_MAX;

	memset(s->now, 0, (s->pattern.n + 1) * sizeof(bool));
	s->now[0] = true;
	pass_stars(&s->pattern, s->now);
	for (size_t i = from;; i++) {
		if (s->now[s->pattern.n])
			end = i;
		if ((end != SIZE_MAX && !s->longest) || i == s->text.n || !advance(s, s->text.c[i]))
			break;
		s->steps += s->pattern.n + 1;
		if (s->steps > STEPS_MAX)
			return err_set(err, -E2BIG, "a pattern of %zu characters is too much work",
				s->pattern.n);
	}
	if (end == SIZE_MAX)
		return 0;
	*ret_end = end;
	return 1;
}

int pattern_trim(const char *pattern, const char *value, enum pattern_end end, bool longest,
	struct buf *out, struct err *err)
{
	autosearch struct search s = { 0 };
	size_t cut = 0, from, to;

	TRY(search_init(pattern, value, longest, &s, err));
	if (end == PATTERN_TAIL) {
		row_reverse(&s.pattern);
		row_reverse(&s.text);
	}
	TRY(match_at(&s, 0, &cut, err));
	from = end == PATTERN_HEAD ? cut : 0;
	to = end == PATTERN_HEAD ? s.text.n : s.text.n - cut;
	buf_add(out, value + s.text.at[from], s.text.at[to] - s.text.at[from]);
	return 0;
}

int pattern_replace(
	const struct replacement *what, const char *value, struct buf *out, struct err *err)
{
	autosearch struct search s = { 0 };
	size_t copied = 0, after = SIZE_MAX; /* `after`: where the last match ended */

	TRY(search_init(what->pattern, value, true, &s, err));
	for (size_t i = 0; i <= s.text.n;) {
		size_t end = i;
		int found = match_at(&s, i, &end, err);

		TRY(found);
		if (found && !(end == i && after == i)) {
			buf_add(out, value + s.text.at[copied], s.text.at[i] - s.text.at[copied]);
			buf_adds(out, what->with);
			copied = after = end;
			if (!what->all)
				break;
		}
		i = end > i ? end : i + 1;
	}
	buf_add(out, value + s.text.at[copied], s.text.at[s.text.n] - s.text.at[copied]);
	return 0;
}
