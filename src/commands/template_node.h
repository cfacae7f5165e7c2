/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed form of a template: made by template_parse.c, run by template_exec.c. */
#ifndef SBX_COMMANDS_TEMPLATE_NODE_H
#define SBX_COMMANDS_TEMPLATE_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "base/strv.h"
#include "commands/template.h"

enum node_kind {
	NODE_LIST,     /* kids in order */
	NODE_TEXT,     /* text */
	NODE_ACTION,   /* pipe: printed unless it declares */
	NODE_IF,       /* pipe, list, else list or NULL */
	NODE_WITH,     /* the same */
	NODE_RANGE,    /* the same */
	NODE_TEMPLATE, /* text: a name; a pipe or nothing */
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_PIPE,    /* commands; names = variables set */
	NODE_COMMAND, /* words */
	NODE_DOT,
	NODE_FIELD,    /* names: .A.B */
	NODE_VARIABLE, /* text "$x", names: $x.A.B */
	NODE_CHAIN,    /* kid 0 is a pipe in parentheses, names: (…).A */
	NODE_NAME,     /* text: a function */
	NODE_STRING,   /* text */
	NODE_NUMBER,   /* number */
	NODE_FLOAT,    /* text, as JSON writes it */
	NODE_BOOL,     /* number */
	NODE_NIL,
};

struct node {
	enum node_kind kind;
	size_t from, to; /* in the source, for messages */
	size_t at;       /* where Go says that it is */
	char *text;
	int64_t number;
	bool assign; /* NODE_PIPE: "=" and not ":=" */
	struct strv names;
	struct node **kids;
	size_t n;
};

struct template
{
	char *source;
	struct node *root;
	struct node
		*defined; /* a list: {{define}}s, text and kid 0; the last one of a name counts */
};

struct node *node_new(enum node_kind kind, size_t from);
const struct node *template_defined(const struct template *t, const char *name); /* or NULL */

bool template_is_function(const char *name);
/* "1:2", as Go counts: line from 1, column in bytes from 0. */
void template_position(const char *source, size_t at, char *ret, size_t size);

#endif
