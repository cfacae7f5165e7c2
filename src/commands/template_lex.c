/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of templates. Spaces matter in one place only: ".A.B" is one operand, ".A .B" are two; tokens
 * therefore know where they begin and end.
 */
#include "commands/template_lex.h"

#include <ctype.h>
#include <errno.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/template_node.h"

void template_position(const char *source, size_t at, char *ret, size_t size)
{
	size_t line = 1, begin = 0;

	for (size_t i = 0; i < at && source[i]; i++) {
		if (source[i] == '\n') {
			line++;
			begin = i + 1;
		}
	}
	snprintf(ret, size, "%zu:%zu", line, at - begin);
}

static bool is_keyword(const char *s, size_t len)
{
	static const char *const words[] = { "block", "break", "continue", "define", "else", "end",
		"if", "range", "nil", "template", "with" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && strncmp(words[i], s, len) == 0)
			return true;
	return false;
}

/* Go shows keywords and dots in angles, and ten characters of what is long. */
static int unexpected(
	struct parser *p, const char *where, const char *what, const struct token *token)
{
	const char *text = p->s + token->from;
	size_t len = token->to - token->from;

	if (token->kind == TOKEN_DOT || (token->kind == TOKEN_NAME && is_keyword(text, len)))
		return err_set(p->err, -EINVAL, "template: :%s: unexpected <%.*s> in %s", where,
			(int)len, text, what);
	return err_set(p->err, -EINVAL, "template: :%s: unexpected \"%.*s\"%s in %s", where,
		(int)(len > 10 ? 10 : len), text, len > 10 ? "..." : "", what);
}

int parser_fail(struct parser *p, size_t at, const char *what, const struct token *token)
{
	char where[48];

	template_position(p->s, at, where, sizeof(where));
	where[strcspn(where, ":")] = '\0';
	if (!token)
		return err_set(p->err, -EINVAL, "template: :%s: %s", where, what);
	if (token->kind == TOKEN_CLOSE)
		return err_set(
			p->err, -EINVAL, "template: :%s: unexpected \"}}\" in %s", where, what);
	return unexpected(p, where, what, token);
}

static bool word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static size_t word_end(const char *s, size_t i)
{
	while (word_char(s[i]))
		i++;
	return i;
}

/* s[i] is the opening quote. 0 when there is no closing one. */
static size_t string_end(const char *s, size_t i)
{
	char quote = s[i++];

	for (; s[i] && s[i] != quote; i++) {
		if (s[i] == '\n' && quote != '`')
			return 0;
		if (s[i] == '\\' && quote != '`' && s[i + 1])
			i++;
	}
	return s[i] ? i + 1 : 0;
}

static int set_token(struct parser *p, enum token_kind kind, size_t to)
{
	p->token.kind = kind;
	p->token.to = to;
	p->pos = to;
	return 0;
}

static int number_token(struct parser *p, size_t i)
{
	size_t end = i + (p->s[i] == '-' || p->s[i] == '+');

	end = word_end(p->s, end);
	while (p->s[end] == '.' ||
		(strchr("+-", p->s[end]) && p->s[end] && strchr("eEpP", p->s[end - 1])))
		end = word_end(p->s, end + 1);
	return set_token(p, TOKEN_NUMBER, end);
}

static int close_token(struct parser *p, size_t i)
{
	p->trim_next = p->s[i] == '-';
	return set_token(p, TOKEN_CLOSE, i + (p->trim_next ? 3 : 2));
}

static bool at_close(const char *s, size_t i, size_t blanks)
{
	return strncmp(s + i, "}}", 2) == 0 || (blanks && strncmp(s + i, "-}}", 3) == 0);
}

int parser_advance(struct parser *p)
{
	const char *s = p->s;
	char bad[40];
	size_t i = p->pos, blanks = strspn(s + i, " \t\r\n");

	i += blanks;
	p->token.from = i;
	if (at_close(s, i, blanks))
		return close_token(p, i);
	if (s[i] == '\0')
		return parser_fail(p, i, "unclosed action", NULL);
	if (s[i] == '.')
		return word_char(s[i + 1]) ? set_token(p, TOKEN_FIELD, word_end(s, i + 1))
					   : set_token(p, TOKEN_DOT, i + 1);
	if (s[i] == '$')
		return set_token(p, TOKEN_VARIABLE, word_end(s, i + 1));
	if (strchr("\"`'", s[i])) {
		size_t end = string_end(s, i);

		return end ? set_token(p, TOKEN_STRING, end)
			   : parser_fail(p, i, "unterminated quoted string", NULL);
	}
	if (isdigit((unsigned char)s[i]) ||
		(strchr("+-", s[i]) && isdigit((unsigned char)s[i + 1])))
		return number_token(p, i);
	if (word_char(s[i]))
		return set_token(p, TOKEN_NAME, word_end(s, i));
	if (strncmp(s + i, ":=", 2) == 0)
		return set_token(p, TOKEN_DECLARE, i + 2);
	if (s[i] == '=')
		return set_token(p, TOKEN_ASSIGN, i + 1);
	if (strchr("()|,", s[i]))
		return set_token(p, TOKEN_SIGN, i + 1);
	if (isprint((unsigned char)s[i]) && (blanks || strchr("{(|,", s[i - 1])))
		return set_token(p, TOKEN_SIGN, i + 1);
	snprintf(bad, sizeof(bad), "bad character U+%04X '%c'", (unsigned char)s[i], s[i]);
	return parser_fail(p, i, bad, NULL);
}

bool parser_is_sign(const struct parser *p, char c)
{
	return p->token.kind == TOKEN_SIGN && p->s[p->token.from] == c;
}

bool parser_is_word(const struct parser *p, const char *word)
{
	size_t n = strlen(word);

	return p->token.kind == TOKEN_NAME && p->token.to - p->token.from == n &&
	       strncmp(p->s + p->token.from, word, n) == 0;
}

char *parser_text(const struct parser *p, size_t skip)
{
	return xstrndup(p->s + p->token.from + skip, p->token.to - p->token.from - skip);
}

static void add_rune(struct buf *out, unsigned long c)
{
	if (c < 0x80) {
		buf_addc(out, (char)c);
	} else if (c < 0x800) {
		buf_addc(out, (char)(0xc0 | c >> 6));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | (c >> 18 & 7)));
		buf_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

size_t parser_unescape(const char *s, struct buf *out)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	static const struct {
		char letter;
		size_t digits;
	} hex[] = { { 'x', 2 }, { 'u', 4 }, { 'U', 8 } };
	const char *hit = *s ? strchr(from, *s) : NULL;

	if (hit) {
		buf_addc(out, to[hit - from]);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(hex); i++) {
		char digits[9] = "";

		if (*s != hex[i].letter)
			continue;
		snprintf(digits, hex[i].digits + 1, "%s", s + 1);
		if (strspn(digits, "0123456789abcdefABCDEF") != hex[i].digits)
			return 0;
		if (hex[i].letter == 'x')
			buf_addc(out, (char)strtoul(digits, NULL, 16));
		else
			add_rune(out, strtoul(digits, NULL, 16));
		return 1 + hex[i].digits;
	}
	return 0;
}
