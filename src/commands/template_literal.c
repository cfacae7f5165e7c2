/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Literals of templates: strings, characters and numbers as Go writes them. A number is whole where it
 * can be; floats are kept as text.
 */
#include "commands/template_lex.h"

#include <errno.h>
#include <float.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "commands/template_node.h"

/* The text between the quotes, escapes resolved. */
static int unquoted(struct parser *p, bool raw, struct buf *text)
{
	size_t i = p->token.from + 1, end = p->token.to - 1;

	while (i < end) {
		size_t n;

		if (raw || p->s[i] != '\\') {
			buf_addc(text, p->s[i++]);
			continue;
		}
		n = parser_unescape(p->s + i + 1, text);
		if (!n)
			return parser_fail(p, i, "invalid syntax", NULL);
		i += 1 + n;
	}
	return 0;
}

/* The number of the one character, or -1. */
static int64_t only_rune(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = *s ? utf8_length(s, SIZE_MAX) : 0;
	int64_t rune = n == 1 ? *s : *s & (0x7f >> n);

	if (n == 0 || s[n])
		return -1;
	for (size_t i = 1; i < n; i++)
		rune = rune << 6 | (s[i] & 0x3f);
	return rune;
}

int parser_string(struct parser *p, struct node **ret)
{
	char quote = p->s[p->token.from];
	autobuf struct buf text = BUF_INIT;
	struct node *node;
	char why[100];
	int64_t rune = 0;

	TRY(unquoted(p, quote == '`', &text));
	if (quote == '\'')
		rune = only_rune(text.data ? text.data : "");
	if (rune < 0) {
		snprintf(why, sizeof(why), "malformed character constant: %.*s",
			(int)(p->token.to - p->token.from > 40 ? 40 : p->token.to - p->token.from),
			p->s + p->token.from);
		return parser_fail(p, p->token.from, why, NULL);
	}
	node = node_new(quote == '\'' ? NODE_NUMBER : NODE_STRING, p->token.from);
	node->number = rune;
	node->to = p->token.to;
	node->text = buf_steal(&text);
	*ret = node;
	return 0;
}

int parser_number(struct parser *p, struct node **ret)
{
	autofree char *text = parser_text(p, 0);
	bool hex = strncasecmp(text + strspn(text, "+-"), "0x", 2) == 0;
	struct node *node;
	char *end, *float_end;
	double number = strtod(text, &float_end);
	long long whole;

	errno = 0;
	whole = strtoll(text, &end, 0);
	if (!*end && !errno) {
		node = node_new(NODE_NUMBER, p->token.from);
		node->number = whole;
		*ret = node;
		return 0;
	}
	if (*float_end || number > DBL_MAX || number < -DBL_MAX)
		return err_set(p->err, -EINVAL, "template: :1: bad number syntax: \"%.40s\"", text);
	if (!strpbrk(text, hex ? ".pP" : ".eE"))
		return err_set(p->err, -EINVAL, "template: :1: integer overflow: \"%.40s\"", text);
	node = node_new(NODE_FLOAT, p->token.from);
	node->text = xasprintf("%.17g", number);
	*ret = node;
	return 0;
}
