/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/glob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/text.h"

enum token_kind {
	TOKEN_CHAR,
	TOKEN_CLASS,
	TOKEN_ANY,  /* "?": not "/" */
	TOKEN_STAR, /* "*": not "/" */
	TOKEN_DIRS, /* double star and "/": nothing, or whole directories */
	TOKEN_REST, /* double star at the end: everything */
};

struct range {
	uint32_t first, last;
};

struct glob_token {
	enum token_kind kind;
	uint32_t c;
	bool negated;
	struct range *ranges;
	size_t n;
};

#define INLINE_STATES 256

/* ---- compiling ---- */

struct parser {
	const char *p;
	struct glob *glob;
	bool special; /* something beyond literal characters was seen */
	bool leading; /* the pattern began with a double star */
	bool rest;    /* a literal, then a double star at the end */
};

static struct glob_token *add_token(struct glob *glob, enum token_kind kind, uint32_t c)
{
	glob->tokens = xgrow(glob->tokens, glob->n, sizeof(*glob->tokens));
	glob->tokens[glob->n] = (struct glob_token){ .kind = kind, .c = c };
	return &glob->tokens[glob->n++];
}

/* One character of a class, escapes undone; false when there cannot be one. */
static bool class_char(const char **p, uint32_t *ret)
{
	size_t len;

	if (!**p || **p == '-' || **p == ']')
		return false;
	if (**p == '\\' && !*++*p)
		return false;
	*ret = text_decode(*p, &len);
	*p += len;
	return **p != '\0'; /* the class must still be closed */
}

static bool class_range(const char **p, struct range *ret)
{
	if (!class_char(p, &ret->first))
		return false;
	ret->last = ret->first;
	if (**p != '-')
		return true;
	++*p;
	return class_char(p, &ret->last);
}

static bool parse_class(struct parser *in)
{
	struct glob_token *token = add_token(in->glob, TOKEN_CLASS, 0);

	in->p++;
	token->negated = *in->p == '^';
	in->p += token->negated;
	do {
		token->ranges = xgrow(token->ranges, token->n, sizeof(*token->ranges));
		if (!class_range(&in->p, &token->ranges[token->n]))
			return false;
		token->n++;
	} while (*in->p != ']');
	in->p++;
	return true;
}

static void parse_double_star(struct parser *in, bool first)
{
	in->p += 2;
	in->p += *in->p == '/';
	if (first)
		in->leading = true;
	if (*in->p) {
		add_token(in->glob, TOKEN_DIRS, 0);
		in->special |= !first;
		return;
	}
	in->rest = !first && !in->special && !in->leading;
	in->special |= !first && !in->rest;
	add_token(in->glob, TOKEN_REST, 0);
}

static bool parse_token(struct parser *in, bool first)
{
	size_t len;
	uint32_t c;

	if (in->p[0] == '*' && in->p[1] == '*') {
		parse_double_star(in, first);
		return true;
	}
	in->special |= strchr("*?[\\", *in->p) != NULL;
	if (*in->p == '[')
		return parse_class(in);
	if (*in->p == '*' || *in->p == '?') {
		add_token(in->glob, *in->p == '*' ? TOKEN_STAR : TOKEN_ANY, 0);
		in->p++;
		return true;
	}
	if (*in->p == '\\' && !*++in->p)
		return false;
	c = text_decode(in->p, &len);
	add_token(in->glob, TOKEN_CHAR, c);
	in->p += len;
	return true;
}

int glob_compile(const char *pattern, struct glob *ret, struct err *err)
{
	struct glob glob = { .kind = GLOB_TOKENS };
	struct parser in = { .p = pattern, .glob = &glob };

	while (*in.p) {
		if (parse_token(&in, in.p == pattern))
			continue;
		glob_done(&glob);
		return err_set(err, -EINVAL, "syntax error in pattern '%s'", pattern);
	}
	if (in.special) {
		*ret = glob;
		return 0;
	}
	glob_done(&glob);
	glob.kind = in.leading ? GLOB_SUFFIX : in.rest ? GLOB_PREFIX : GLOB_EXACT;
	glob.text = xstrdup(pattern + (in.leading ? 2 : 0));
	if (in.rest)
		glob.text[strcspn(glob.text, "*")] = '\0';
	*ret = glob;
	return 0;
}

void glob_done(struct glob *glob)
{
	for (size_t i = 0; i < glob->n; i++)
		free(glob->tokens[i].ranges);
	free(glob->tokens);
	free(glob->text);
	*glob = (struct glob){ 0 };
}

bool glob_is_wild(const char *pattern)
{
	return strpbrk(pattern, "*?[\\") != NULL;
}

/* ---- matching ---- */

static bool class_has(const struct glob_token *token, uint32_t c)
{
	for (size_t i = 0; i < token->n; i++)
		if (c >= token->ranges[i].first && c <= token->ranges[i].last)
			return !token->negated;
	return token->negated;
}

/* Tokens that may be nothing let the next one begin too. */
static void pass(const struct glob *glob, bool *set)
{
	for (size_t i = 0; i < glob->n; i++) {
		enum token_kind kind = glob->tokens[i].kind;

		if (set[i] && (kind == TOKEN_STAR || kind == TOKEN_DIRS || kind == TOKEN_REST))
			set[i + 1] = true;
	}
}

/* What token i makes of c. A token DIRS that has begun is the state after the row of tokens. */
static void feed(const struct glob *glob, size_t i, uint32_t c, bool *next)
{
	const struct glob_token *token = &glob->tokens[i];
	bool *inside = next + glob->n + 1;

	switch (token->kind) {
	case TOKEN_CHAR:
		next[i + 1] |= token->c == c;
		return;
	case TOKEN_CLASS:
		next[i + 1] |= class_has(token, c);
		return;
	case TOKEN_ANY:
		next[i + 1] |= c != '/';
		return;
	case TOKEN_STAR:
		next[i] |= c != '/';
		return;
	case TOKEN_REST:
		next[i] = true;
		return;
	case TOKEN_DIRS:
		inside[i] = true;
		next[i + 1] |= c == '/';
		return;
	}
}

/* now and next: n + 1 tokens that may begin, then n tokens DIRS inside a directory name. */
static bool step(const struct glob *glob, uint32_t c, const bool *now, bool *next)
{
	const bool *inside = now + glob->n + 1;
	bool any = false;

	memset(next, 0, 2 * glob->n + 1);
	for (size_t i = 0; i < glob->n; i++) {
		if (now[i])
			feed(glob, i, c, next);
		if (inside[i])
			feed(glob, i, c, next);
	}
	pass(glob, next);
	for (size_t i = 0; i < 2 * glob->n + 1; i++)
		any |= next[i];
	return any;
}

enum verdict { DEAD, ALIVE, MATCHED };

static enum verdict run(const struct glob *glob, const char *path, size_t len)
{
	bool small[2 * INLINE_STATES], *now = small, *next;
	autofree bool *large = NULL;
	size_t states = 2 * glob->n + 1;
	bool any = true;

	if (states > INLINE_STATES)
		now = large = xcalloc(2 * states, sizeof(bool));
	next = now + states;
	memset(now, 0, states);
	now[0] = true;
	pass(glob, now);
	for (size_t i = 0, n; any && i < len; i += n) {
		bool *swap = now;

		any = step(glob, text_decode(path + i, &n), now, next);
		now = next;
		next = swap;
	}
	return !any ? DEAD : now[glob->n] ? MATCHED : ALIVE;
}

static bool ends_with(const char *path, size_t len, const char *text)
{
	size_t n = strlen(text);

	if (*text == '/' && len == n - 1 && memcmp(path, text + 1, len) == 0)
		return true;
	return len >= n && memcmp(path + len - n, text, n) == 0;
}

bool glob_match(const struct glob *glob, const char *path, size_t len)
{
	size_t n = glob->text ? strlen(glob->text) : 0;

	switch (glob->kind) {
	case GLOB_EXACT:
		return len == n && memcmp(path, glob->text, n) == 0;
	case GLOB_PREFIX:
		return len >= n && memcmp(path, glob->text, n) == 0;
	case GLOB_SUFFIX:
		return ends_with(path, len, glob->text);
	case GLOB_TOKENS:
		break;
	}
	return run(glob, path, len) == MATCHED;
}

bool glob_may_continue(const struct glob *glob, const char *head)
{
	size_t len = strlen(head), n = glob->text ? strlen(glob->text) : 0;

	switch (glob->kind) {
	case GLOB_EXACT:
		return n > len && memcmp(head, glob->text, len) == 0;
	case GLOB_PREFIX:
		return memcmp(head, glob->text, n < len ? n : len) == 0;
	case GLOB_SUFFIX:
		return true;
	case GLOB_TOKENS:
		break;
	}
	return run(glob, head, len) != DEAD;
}
