/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/text.h"

#include <string.h>

#include "base/own.h"
#include "base/utf8.h"

struct range {
	uint32_t first, last;
};

static bool within(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

uint32_t text_decode(const char *s, size_t *ret_len)
{
	unsigned char c = (unsigned char)*s;
	size_t n = utf8_length(s, SIZE_MAX);
	uint32_t value = n < 2 ? c : c & (0xffU >> (n + 1));

	*ret_len = n ? n : 1;
	if (n == 0)
		return TEXT_BROKEN + c;
	for (size_t i = 1; i < n; i++)
		value = value << 6 | ((unsigned char)s[i] & 0x3fU);
	return value;
}

size_t text_space(const char *s)
{
	static const struct range spaces[] = { { 0x09, 0x0d }, { 0x20, 0x20 }, { 0x85, 0x85 },
		{ 0xa0, 0xa0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 },
		{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 } };
	size_t len;

	return within(text_decode(s, &len), spaces, ARRAY_SIZE(spaces)) ? len : 0;
}

bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool text_is_letter(uint32_t c)
{
	static const struct range others[] = {
		{ 0x80, 0xa9 }, /* controls, signs */
		{ 0xab, 0xb4 },
		{ 0xb6, 0xb9 }, /* signs, superscript digits */
		{ 0xbb, 0xbf },
		{ 0xd7, 0xd7 }, /* fractions, multiplication */
		{ 0xf7, 0xf7 },
		{ 0x2000, 0x206f }, /* division, general punctuation */
		{ 0x20a0, 0x20cf },
		{ 0x2190, 0x2bff }, /* currencies, arrows to symbols */
		{ 0x3000, 0x3004 },
		{ 0x3007, 0x3030 }, /* CJK punctuation */
		{ 0xe000, 0xf8ff },
		{ 0xfe30, 0xfe6f }, /* private use, small forms */
		{ 0xff00, 0xff20 },
		{ 0xff3b, 0xff40 }, /* full-width punctuation and digits */
		{ 0xff5b, 0xff65 },
		{ 0x1f000, 0x1faff }, /* the same, pictures */
		{ 0x110000, UINT32_MAX },
	};

	if (c < 0x80)
		return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
	return !within(c, others, ARRAY_SIZE(others));
}

struct span text_trim(const char *s, size_t len)
{
	size_t first = len, end = 0;

	for (size_t i = 0; i < len;) {
		size_t n = text_space(s + i);

		if (n == 0) {
			first = i < first ? i : first;
			(void)text_decode(s + i, &n); /* its length is what is wanted */
			end = i + n;
		}
		i += n;
	}
	return first < end ? (struct span){ s + first, end - first } : (struct span){ s, 0 };
}

static void quote_char(uint32_t c, const char *s, size_t len, struct buf *out)
{
	static const char plain[] = "\a\b\f\n\r\t\v\\\"", letters[] = "abfnrtv\\\"";
	const char *at = c < 0x80 && c ? strchr(plain, (int)c) : NULL;

	if (at)
		buf_addf(out, "\\%c", letters[at - plain]);
	else if (c < 0x20 || c == 0x7f)
		buf_addf(out, "\\x%02x", c);
	else if (c >= TEXT_BROKEN)
		buf_addf(out, "\\x%02x", c - TEXT_BROKEN);
	else if (c != ' ' && c >= 0x80 && (c <= 0xa0 || text_space(s) || c == 0xad || c == 0xfeff))
		buf_addf(out, "\\u%04x", c);
	else
		buf_add(out, s, len);
}

void text_quote(const char *s, struct buf *out)
{
	buf_addc(out, '"');
	while (*s) {
		size_t len;
		uint32_t c = text_decode(s, &len);

		if (s[0] == '\xc0' && s[1] == '\x80') { /* DOCKERFILE_NUL */
			c = 0;
			len = 2;
		}
		quote_char(c, s, len, out);
		s += len;
	}
	buf_addc(out, '"');
}

void text_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
}

/* Takes the last name off "a/b" or "/a/b"; false when there is none that ".." could take. */
static bool drop_name(struct buf *out, bool rooted)
{
	size_t end = out->len;

	while (end > rooted && out->data[end - 1] != '/')
		end--;
	if (out->len == rooted || strcmp(out->data + end, "..") == 0)
		return rooted; /* "/.." is "/" */
	out->len = end > rooted ? end - 1 : end;
	out->data[out->len] = '\0';
	return true;
}

char *text_clean_path(const char *path)
{
	struct buf out = BUF_INIT;
	bool rooted = *path == '/';

	buf_adds(&out, rooted ? "/" : "");
	while (*path) {
		size_t len = strcspn(path, "/");
		bool up = len == 2 && memcmp(path, "..", 2) == 0;

		if (len > 0 && !(len == 1 && *path == '.') && !(up && drop_name(&out, rooted))) {
			buf_adds(&out, out.len > rooted ? "/" : "");
			buf_add(&out, path, len);
		}
		path += len + (path[len] == '/');
	}
	if (out.len == 0)
		buf_addc(&out, '.');
	return buf_steal(&out);
}
