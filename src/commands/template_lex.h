/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens inside {{ }}: the seam between template_lex.c and template_parse.c. */
#ifndef SBX_COMMANDS_TEMPLATE_LEX_H
#define SBX_COMMANDS_TEMPLATE_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

enum token_kind {
	TOKEN_CLOSE, /* }} */
	TOKEN_DOT,
	TOKEN_FIELD,    /* .Name */
	TOKEN_VARIABLE, /* $ or $name */
	TOKEN_NAME,
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_SIGN, /* one of ( ) | , or what has no meaning */
	TOKEN_DECLARE,
	TOKEN_ASSIGN,
};

struct token {
	enum token_kind kind;
	size_t from, to;
};

struct parser {
	const char *s;
	size_t pos;         /* after `token`, inside an action */
	struct token token; /* the next one, not consumed */
	bool trim_next;     /* the last action ended with -}} */
	int depth, loops, parens;
	struct node *defined; /* {{define}}s so far */
	struct strv vars;     /* that are in scope here */
	struct err *err;
};

int parser_advance(struct parser *p); /* reads the next token into p->token */
bool parser_is_sign(const struct parser *p, char c);
bool parser_is_word(const struct parser *p, const char *word);
char *parser_text(const struct parser *p, size_t skip); /* of the token; caller frees */
/* template_literal.c: nodes of the token */
struct node;
int parser_string(struct parser *p, struct node **ret);
int parser_number(struct parser *p, struct node **ret);
/* The escape after a backslash at s; returns how many bytes it has, 0 if it is none of Go's. */
size_t parser_unescape(const char *s, struct buf *out);

/* "template: :LINE: what", or with a token `unexpected "…" in what`. */
int parser_fail(struct parser *p, size_t at, const char *what, const struct token *token);

#endif
