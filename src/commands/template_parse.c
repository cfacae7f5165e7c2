/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template text → nodes, by recursive descent straight from the bytes: outside of {{ }} everything is
 * text, inside there are tokens. Spaces matter in one place only: ".A.B" is one operand, ".A .B" are
 * two; tokens therefore know where they begin and end.
 * Nesting is limited, so that no input can exhaust the stack.
 */
#include "commands/template_node.h"

#include <errno.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/template_lex.h"

#define DEPTH_MAX 64

struct node *node_new(enum node_kind kind, size_t from)
{
	struct node *node = xcalloc(1, sizeof(*node));

	node->kind = kind;
	node->from = from;
	node->to = from;
	node->at = from;
	return node;
}

static void node_free(struct node *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->n; i++)
		node_free(node->kids[i]);
	free(node->kids);
	free(node->text);
	strv_done(&node->names);
	free(node);
}

static void node_free_(struct node **node)
{
	node_free(*node);
}
#define autonode __attribute__((cleanup(node_free_)))

static void node_adopt(struct node *parent, struct node *kid)
{
	parent->kids = xreallocarray(parent->kids, parent->n + 1, sizeof(*parent->kids));
	parent->kids[parent->n++] = kid;
}

static int name_node(struct parser *p, struct node **ret)
{
	autofree char *text = parser_text(p, 0);
	struct node *node;
	char where[128];

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
		node = node_new(NODE_BOOL, p->token.from);
		node->number = text[0] == 't';
	} else if (strcmp(text, "nil") == 0) {
		node = node_new(NODE_NIL, p->token.from);
	} else if (template_is_function(text)) {
		node = node_new(NODE_NAME, p->token.from);
		node->text = move_ptr(&text);
	} else {
		snprintf(where, sizeof(where), "function \"%.80s\" not defined", text);
		return parser_fail(p, p->token.from, where, NULL);
	}
	*ret = node;
	return 0;
}

/* ---- expressions ---- */

static int parse_pipe(struct parser *p, const char *context, struct node **ret);

static int paren_node(struct parser *p, struct node **ret)
{
	autonode struct node *node = node_new(NODE_CHAIN, p->token.from);
	struct node *pipe = NULL;

	TRY(parser_advance(p));
	if (++p->depth > DEPTH_MAX)
		return parser_fail(p, p->token.from, "nested too deeply", NULL);
	p->parens++;
	TRY(parse_pipe(p, "parenthesized pipeline", &pipe));
	p->parens--;
	p->depth--;
	node_adopt(node, pipe);
	if (!parser_is_sign(p, ')'))
		return parser_fail(p, p->token.from, "unclosed left paren", NULL);
	*ret = move_ptr(&node);
	return 0;
}

static int variable_node(struct parser *p, struct node **ret)
{
	autofree char *name = parser_text(p, 0);
	char what[128];

	if (strcmp(name, "$") != 0 && !strv_has(&p->vars, name)) {
		snprintf(what, sizeof(what), "undefined variable \"%.80s\"", name);
		return parser_fail(p, p->token.from, what, NULL);
	}
	*ret = node_new(NODE_VARIABLE, p->token.from);
	(*ret)->text = move_ptr(&name);
	return 0;
}

/* One operand without its trailing fields; p->token stays on its last token. */
static int base_operand(struct parser *p, struct node **ret)
{
	switch (p->token.kind) {
	case TOKEN_DOT:
		*ret = node_new(NODE_DOT, p->token.from);
		return 0;
	case TOKEN_FIELD:
		*ret = node_new(NODE_FIELD, p->token.from);
		strv_adopt(&(*ret)->names, parser_text(p, 1));
		return 0;
	case TOKEN_VARIABLE:
		return variable_node(p, ret);
	case TOKEN_STRING:
		return parser_string(p, ret);
	case TOKEN_NUMBER:
		return parser_number(p, ret);
	case TOKEN_NAME:
		return name_node(p, ret);
	case TOKEN_SIGN:
		if (parser_is_sign(p, '('))
			return paren_node(p, ret);
		return parser_fail(p, p->token.from, "operand", &p->token);
	case TOKEN_CLOSE:
	case TOKEN_DECLARE:
	case TOKEN_ASSIGN:
		break;
	}
	return parser_fail(p, p->token.from, "operand", &p->token);
}

static bool takes_fields(const struct node *node)
{
	return node->kind == NODE_FIELD || node->kind == NODE_VARIABLE || node->kind == NODE_CHAIN;
}

static bool at_end(const struct parser *p)
{
	return p->token.kind == TOKEN_CLOSE || parser_is_sign(p, ')');
}

static int parse_operand(struct parser *p, struct node **ret)
{
	autonode struct node *node = NULL;
	size_t end;

	TRY(base_operand(p, &node));
	end = p->token.to;
	TRY(parser_advance(p));
	while (p->token.kind == TOKEN_FIELD && p->token.from == end) {
		if (!takes_fields(node))
			return parser_fail(p, p->token.from, "operand", &p->token);
		if (node->at == node->from)
			node->at = p->token.from; /* Go points at the second field */
		strv_adopt(&node->names, parser_text(p, 1));
		end = p->token.to;
		TRY(parser_advance(p));
	}
	if (p->token.from == end && !at_end(p) && !parser_is_sign(p, '|'))
		return parser_fail(p, end, "operand", &p->token);
	node->to = end;
	*ret = move_ptr(&node);
	return 0;
}

static int parse_command(struct parser *p, struct node **ret)
{
	autonode struct node *node = node_new(NODE_COMMAND, p->token.from);

	while (!at_end(p) && !parser_is_sign(p, '|')) {
		struct node *word = NULL;

		TRY(parse_operand(p, &word));
		node->to = word->to;
		node_adopt(node, word);
	}
	if (node->n == 0)
		return parser_fail(p, p->token.from, "empty command", NULL);
	*ret = move_ptr(&node);
	return 0;
}

static int declare(struct parser *p, const struct node *pipe)
{
	char what[128];

	strv_each (name, &pipe->names) {
		if (!pipe->assign) {
			strv_add(&p->vars, *name);
		} else if (!strv_has(&p->vars, *name)) {
			snprintf(what, sizeof(what), "undefined variable \"%.80s\"", *name);
			return parser_fail(p, p->token.from, what, NULL);
		}
	}
	return 0;
}

static void forget_variables(struct parser *p, size_t keep)
{
	while (p->vars.n > keep) {
		free(p->vars.v[--p->vars.n]);
		p->vars.v[p->vars.n] = NULL;
	}
}

/* "$x :=", "$i, $v :=" or nothing. `range` alone may name two. */
static int parse_declaration(struct parser *p, bool range, struct node *pipe)
{
	struct parser saved = *p;

	while (p->token.kind == TOKEN_VARIABLE && pipe->names.n < (range ? 2u : 1u)) {
		strv_adopt(&pipe->names, parser_text(p, 0));
		TRY(parser_advance(p));
		if (p->token.kind == TOKEN_DECLARE || p->token.kind == TOKEN_ASSIGN) {
			pipe->assign = p->token.kind == TOKEN_ASSIGN;
			TRY(declare(p, pipe));
			return parser_advance(p);
		}
		if (!parser_is_sign(p, ','))
			break;
		TRY(parser_advance(p));
	}
	saved.vars = p->vars;
	*p = saved; /* it was an operand */
	strv_done(&pipe->names);
	return 0;
}

static int not_executable(struct parser *p, const struct node *command, size_t stage)
{
	char what[64];

	snprintf(what, sizeof(what), "non executable command in pipeline stage %zu", stage);
	return parser_fail(p, command->from, what, NULL);
}

static int parse_pipe(struct parser *p, const char *context, struct node **ret)
{
	autonode struct node *pipe = node_new(NODE_PIPE, p->token.from);
	char missing[64];

	TRY(parse_declaration(p, strcmp(context, "range") == 0, pipe));
	if (at_end(p)) {
		snprintf(missing, sizeof(missing), "missing value for %s", context);
		return parser_fail(p, p->token.from, missing, NULL);
	}
	for (;;) {
		struct node *command = NULL;

		if (p->token.kind == TOKEN_SIGN && !strchr("(|", p->s[p->token.from]))
			return parser_fail(p, p->token.from, context, &p->token);
		TRY(parse_command(p, &command));
		node_adopt(pipe, command);
		if (pipe->n > 1 && command->kids[0]->kind != NODE_NAME &&
			!takes_fields(command->kids[0]))
			return not_executable(p, command, pipe->n);
		if (!parser_is_sign(p, '|'))
			break;
		TRY(parser_advance(p));
		if (at_end(p)) /* Go lets a pipeline end with its sign */
			break;
	}
	pipe->to = pipe->kids[pipe->n - 1]->to;
	*ret = move_ptr(&pipe);
	return 0;
}

static int expect_close(struct parser *p, const char *context)
{
	if (parser_is_sign(p, ')') && !p->parens)
		return parser_fail(p, p->token.from, "unexpected right paren", NULL);
	return p->token.kind == TOKEN_CLOSE ? 0 : parser_fail(p, p->token.from, context, &p->token);
}

/* ---- text and blocks ---- */

enum stop { STOP_END_OF_TEXT, STOP_END, STOP_ELSE };

static int parse_list(struct parser *p, enum stop *ret_stop, struct node **ret);

/* From the keyword to the closing {{end}}. `else if`, `else with` nest in the else list. */
static int parse_block(struct parser *p, enum node_kind kind, const char *word, struct node **ret)
{
	autonode struct node *node = node_new(kind, p->token.from);
	struct node *part = NULL;
	size_t scope = p->vars.n;
	enum stop stop;

	if (++p->depth > DEPTH_MAX)
		return parser_fail(p, p->token.from, "nested too deeply", NULL);
	TRY(parser_advance(p));
	TRY(parse_pipe(p, word, &part));
	node_adopt(node, part);
	TRY(expect_close(p, word));
	p->loops += kind == NODE_RANGE;
	TRY(parse_list(p, &stop, &part));
	node_adopt(node, part);
	p->loops -= kind == NODE_RANGE;
	if (stop == STOP_ELSE && (parser_is_word(p, "if") || parser_is_word(p, "with"))) {
		struct node *inner = NULL, *list = node_new(NODE_LIST, p->token.from);

		node_adopt(node, list);
		TRY(parser_is_word(p, "if") ? parse_block(p, NODE_IF, "if", &inner)
					    : parse_block(p, NODE_WITH, "with", &inner));
		node_adopt(list, inner);
		stop = STOP_END;
	} else if (stop == STOP_ELSE) {
		TRY(expect_close(p, "else"));
		TRY(parse_list(p, &stop, &part));
		node_adopt(node, part);
		if (stop == STOP_ELSE)
			return parser_fail(p, p->token.from, "expected end; found {{else}}", NULL);
	}
	if (stop == STOP_END_OF_TEXT)
		return parser_fail(p, p->pos, "unexpected EOF", NULL);
	p->depth--;
	forget_variables(p, scope);
	*ret = move_ptr(&node);
	return 0;
}

static int parse_jump(struct parser *p, enum node_kind kind, const char *word, struct node **ret)
{
	autonode struct node *node = NULL;
	char text[64];

	if (!p->loops) {
		snprintf(text, sizeof(text), "{{%s}} outside {{range}}", word);
		return parser_fail(p, p->token.from, text, NULL);
	}
	node = node_new(kind, p->token.from);
	TRY(parser_advance(p));
	TRY(expect_close(p, word));
	*ret = move_ptr(&node);
	return 0;
}

/* ---- {{define "name"}}, {{block "name" pipe}}, {{template "name" pipe}} ---- */

static int parse_name(struct parser *p, const char *context, char **ret)
{
	struct node *node = NULL;

	if (p->token.kind != TOKEN_STRING || p->s[p->token.from] == '\'')
		return parser_fail(p, p->token.from, context, &p->token);
	TRY(parser_string(p, &node));
	*ret = move_ptr(&node->text);
	node_free(node);
	return parser_advance(p);
}

/* The body of a define or block, to its end; variables of outside are not seen in it. */
static int parse_definition(struct parser *p, const char *name)
{
	autonode struct node *node = node_new(NODE_LIST, p->token.from);
	struct strv outside = p->vars;
	struct node *body = NULL;
	enum stop stop;
	int r;

	if (++p->depth > DEPTH_MAX)
		return parser_fail(p, p->token.from, "nested too deeply", NULL);
	node->text = xstrdup(name);
	p->vars = (struct strv)STRV_INIT;
	r = parse_list(p, &stop, &body);
	strv_done(&p->vars);
	p->vars = outside;
	TRY(r);
	node_adopt(node, body);
	if (stop != STOP_END)
		return parser_fail(p, p->token.from,
			stop == STOP_ELSE ? "unexpected {{else}} in define clause"
					  : "unexpected EOF",
			NULL);
	p->depth--;
	node_adopt(p->defined, move_ptr(&node));
	return 0;
}

static int parse_define(struct parser *p, struct node **ret)
{
	autofree char *name = NULL;

	TRY(parser_advance(p));
	TRY(parse_name(p, "define clause", &name));
	TRY(expect_close(p, "define clause"));
	TRY(parse_definition(p, name));
	*ret = node_new(NODE_LIST, p->token.from);
	return 0;
}

static int parse_use(struct parser *p, const char *word, struct node **ret)
{
	autonode struct node *node = node_new(NODE_TEMPLATE, p->token.from);
	struct node *pipe = NULL;
	const char *context = word[0] == 'b' ? "block clause" : "template clause";

	while (node->from > 0 && strncmp(p->s + node->from, "{{", 2) != 0)
		node->from--;
	TRY(parser_advance(p));
	node->at = p->token.from;
	TRY(parse_name(p, context, &node->text));
	if (word[0] == 'b' || p->token.kind != TOKEN_CLOSE) {
		TRY(parse_pipe(p, context, &pipe));
		node_adopt(node, pipe);
	}
	TRY(expect_close(p, context));
	node->to = p->token.to;
	if (word[0] == 'b')
		TRY(parse_definition(p, node->text));
	*ret = move_ptr(&node);
	return 0;
}

static int parse_statement(struct parser *p, struct node **ret)
{
	autonode struct node *node = node_new(NODE_ACTION, p->token.from);
	struct node *pipe = NULL;

	TRY(parse_pipe(p, "command", &pipe));
	node_adopt(node, pipe);
	TRY(expect_close(p, "command"));
	*ret = move_ptr(&node);
	return 0;
}

/* After "{{" and its first token. *ret stays NULL for else and end. */
static int parse_action(struct parser *p, enum stop *ret_stop, struct node **ret)
{
	if (parser_is_word(p, "end")) {
		*ret_stop = STOP_END;
		TRY(parser_advance(p));
		return expect_close(p, "end");
	}
	if (parser_is_word(p, "else")) {
		*ret_stop = STOP_ELSE;
		return parser_advance(p);
	}
	if (parser_is_word(p, "if"))
		return parse_block(p, NODE_IF, "if", ret);
	if (parser_is_word(p, "with"))
		return parse_block(p, NODE_WITH, "with", ret);
	if (parser_is_word(p, "range"))
		return parse_block(p, NODE_RANGE, "range", ret);
	if (parser_is_word(p, "break"))
		return parse_jump(p, NODE_BREAK, "break", ret);
	if (parser_is_word(p, "continue"))
		return parse_jump(p, NODE_CONTINUE, "continue", ret);
	if (parser_is_word(p, "define"))
		return parse_define(p, ret);
	if (parser_is_word(p, "block"))
		return parse_use(p, "block", ret);
	if (parser_is_word(p, "template"))
		return parse_use(p, "template", ret);
	return parse_statement(p, ret);
}

/* A comment: moves past it. 1 if there was one. */
static int skip_comment(struct parser *p)
{
	const char *end;

	if (strncmp(p->s + p->pos, "/*", 2) != 0)
		return 0;
	end = strstr(p->s + p->pos + 2, "*/");
	if (!end)
		return parser_fail(p, p->pos, "unclosed comment", NULL);
	end += 2;
	p->trim_next = strncmp(end, " -}}", 4) == 0;
	if (!p->trim_next && strncmp(end, "}}", 2) != 0)
		return parser_fail(p, p->pos, "comment ends before closing delimiter", NULL);
	p->pos = (size_t)(end - p->s) + (p->trim_next ? 4 : 2);
	return 1;
}

static void add_text(struct parser *p, struct node *list, size_t to, bool trim_end)
{
	size_t from = p->pos;
	struct node *text;

	if (p->trim_next)
		from += strspn(p->s + from, " \t\r\n");
	p->trim_next = false;
	while (trim_end && to > from && strchr(" \t\r\n", p->s[to - 1]))
		to--;
	if (to <= from)
		return;
	text = node_new(NODE_TEXT, from);
	text->text = xstrndup(p->s + from, to - from);
	node_adopt(list, text);
}

static int parse_list(struct parser *p, enum stop *ret_stop, struct node **ret)
{
	autonode struct node *list = node_new(NODE_LIST, p->pos);

	*ret_stop = STOP_END_OF_TEXT;
	for (;;) {
		const char *open = strstr(p->s + p->pos, "{{");
		size_t at = open ? (size_t)(open - p->s) : p->pos + strlen(p->s + p->pos);
		bool trim = open && open[2] == '-' && open[3] && strchr(" \t\r\n", open[3]);
		struct node *node = NULL;
		int r;

		add_text(p, list, at, trim);
		p->pos = at + (open ? 2 : 0) + (trim ? 2 : 0);
		if (!open)
			break;
		r = skip_comment(p);
		TRY(r);
		if (r)
			continue;
		TRY(parser_advance(p));
		TRY(parse_action(p, ret_stop, &node));
		if (!node)
			break;
		node_adopt(list, node);
	}
	*ret = move_ptr(&list);
	return 0;
}

int template_parse(const char *text, struct template **ret, struct err *err)
{
	autonode struct node *root = NULL, *defined = node_new(NODE_LIST, 0);
	struct parser p = { .s = text, .err = err, .defined = defined };
	enum stop stop;
	int r = parse_list(&p, &stop, &root);

	forget_variables(&p, 0);
	strv_done(&p.vars);
	TRY(r);
	if (stop != STOP_END_OF_TEXT)
		return parser_fail(&p, p.token.from,
			stop == STOP_END ? "unexpected {{end}}" : "unexpected {{else}}", NULL);
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->source = xstrdup(text);
	(*ret)->root = move_ptr(&root);
	(*ret)->defined = move_ptr(&defined);
	return 0;
}

void template_free(struct template *t)
{
	if (!t)
		return;
	node_free(t->root);
	node_free(t->defined);
	free(t->source);
	free(t);
}

void template_free_(struct template **t)
{
	template_free(*t);
}

const struct node *template_defined(const struct template *t, const char *name)
{
	for (size_t i = t->defined->n; i > 0; i--)
		if (strcmp(t->defined->kids[i - 1]->text, name) == 0)
			return t->defined->kids[i - 1]->kids[0];
	return NULL;
}
