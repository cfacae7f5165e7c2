/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a parsed template over JSON. Every value that is held is a reference of its own, so nothing a
 * function builds can dangle; variables live on one stack that blocks cut back to where it was.
 */
#include "commands/template_node.h"
#include "commands/template_value.h"

#include <errno.h>

#include "base/own.h"
#include "base/xalloc.h"

struct variable {
	const char *name; /* of the node */
	struct value value;
};

struct exec {
	const struct template *t;
	const struct template_env *env;
	struct variable *vars;
	size_t n_vars;
	struct buf *out;
	struct err *err;
	int calls; /* of templates inside each other */
};

enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

/* `template: :1:2: executing "" at <.Foo>: why` */
static int fail(struct exec *x, const struct node *node, const char *why)
{
	char where[48];

	template_position(x->t->source, node->at, where, sizeof(where));
	return err_set(x->err, -EINVAL, "template: %s:%s: executing \"%s\" at <%.*s>: %s",
		x->env->name ? x->env->name : "", where, x->env->name ? x->env->name : "",
		(int)(node->to - node->from > 200 ? 200 : node->to - node->from),
		x->t->source + node->from, why);
}

/* Puts the place in front of a function's bare message. */
static int fail_again(struct exec *x, const struct node *command, const struct call *call)
{
	const struct node *node = command;
	struct err why = *x->err;

	if (call->bad == CALL_ITSELF)
		node = command->kids[0];
	else if (call->bad && call->bad < command->n)
		node = command->kids[call->bad];
	if (node->kind == NODE_NUMBER || node->kind == NODE_BOOL || node->kind == NODE_STRING)
		snprintf(why.text, sizeof(why.text), "expected %s; found %.*s", /* a literal */
			node->kind == NODE_STRING ? "integer" : "string",
			(int)(node->to - node->from > 100 ? 100 : node->to - node->from),
			x->t->source + node->from);
	return fail(x, node, why.text);
}

/* ---- variables ---- */

static void push(struct exec *x, const char *name, struct value adopt)
{
	x->vars = xreallocarray(x->vars, x->n_vars + 1, sizeof(*x->vars));
	x->vars[x->n_vars++] = (struct variable){ name, adopt };
}

static void pop_to(struct exec *x, size_t mark)
{
	while (x->n_vars > mark)
		value_done(&x->vars[--x->n_vars].value);
}

static struct variable *find_variable(struct exec *x, const char *name)
{
	for (size_t i = x->n_vars; i > 0; i--)
		if (strcmp(x->vars[i - 1].name, name) == 0)
			return &x->vars[i - 1];
	return NULL;
}

static int undefined(struct exec *x, const struct node *node, const char *name)
{
	char why[128];

	snprintf(why, sizeof(why), "undefined variable \"%.80s\"", name);
	return fail(x, node, why);
}

static int set_variables(struct exec *x, const struct node *pipe, const struct value *value)
{
	for (size_t i = 0; i < pipe->names.n; i++) {
		struct variable *old;

		if (!pipe->assign) {
			push(x, pipe->names.v[i], value_copy(value));
			continue;
		}
		old = find_variable(x, pipe->names.v[i]);
		if (!old)
			return undefined(x, pipe, pipe->names.v[i]);
		value_done(&old->value);
		old->value = value_copy(value);
	}
	return 0;
}

/* ---- fields ---- */

static int get_fields(
	struct exec *x, const struct node *node, const struct value *from, struct value *ret)
{
	autovalue struct value now = value_copy(from);
	struct err why = ERR_INIT;

	for (size_t i = 0; i < node->names.n; i++) {
		struct value next = VALUE_NONE;

		if (value_field(x->env, &now, node->names.v[i], &next, &why) < 0)
			return fail(x, node, why.text);
		value_done(&now);
		now = next;
	}
	*ret = now;
	now = VALUE_NONE;
	return 0;
}

/* ---- expressions ---- */

static int eval_pipe(
	struct exec *x, const struct node *pipe, const struct value *dot, struct value *ret);

static int eval_variable(struct exec *x, const struct node *node, struct value *ret)
{
	struct variable *variable = find_variable(x, node->text);

	if (!variable)
		return undefined(x, node, node->text);
	return get_fields(x, node, &variable->value, ret);
}

static int eval_chain(
	struct exec *x, const struct node *node, const struct value *dot, struct value *ret)
{
	autovalue struct value base = VALUE_NONE;

	TRY(eval_pipe(x, node->kids[0], dot, &base));
	return get_fields(x, node, &base, ret);
}

static int eval_call(struct exec *x, const struct node *command, const struct value *dot,
	const struct value *final, struct value *ret);

static int eval_word(
	struct exec *x, const struct node *node, const struct value *dot, struct value *ret)
{
	const struct node alone = { .kind = NODE_COMMAND,
		.from = node->from,
		.to = node->to,
		.at = node->at,
		.kids = (struct node *[]){ (struct node *)node },
		.n = 1 };

	switch (node->kind) {
	case NODE_DOT:
		*ret = value_copy(dot);
		return 0;
	case NODE_FIELD:
		return get_fields(x, node, dot, ret);
	case NODE_VARIABLE:
		return eval_variable(x, node, ret);
	case NODE_CHAIN:
		return eval_chain(x, node, dot, ret);
	case NODE_NAME:
		return eval_call(x, &alone, dot, NULL, ret);
	case NODE_STRING:
		*ret = value_adopt(json_new_string(node->text));
		return 0;
	case NODE_NUMBER:
		*ret = value_adopt(json_new_int(node->number));
		return 0;
	case NODE_FLOAT:
		*ret = VALUE_NONE;
		return json_parse(node->text, strlen(node->text), &ret->v, x->err);
	case NODE_BOOL:
		*ret = value_adopt(json_new_bool(node->number));
		return 0;
	case NODE_NIL:
		*ret = VALUE_NONE;
		return 0;
	case NODE_LIST:
	case NODE_TEXT:
	case NODE_ACTION:
	case NODE_IF:
	case NODE_WITH:
	case NODE_RANGE:
	case NODE_TEMPLATE:
	case NODE_BREAK:
	case NODE_CONTINUE:
	case NODE_PIPE:
	case NODE_COMMAND:
		break;
	}
	return fail(x, node, "cannot be evaluated");
}

/* and, or: the first argument that decides, without looking at the others. */
static int eval_logic(struct exec *x, const struct node *command, const struct value *dot,
	const struct value *final, struct value *ret)
{
	bool stop_at = strcmp(command->kids[0]->text, "or") == 0;
	autovalue struct value now = VALUE_NONE;

	for (size_t i = 1; i < command->n; i++) {
		value_done(&now);
		TRY(eval_word(x, command->kids[i], dot, &now));
		if (value_true(&now) == stop_at) {
			final = NULL;
			break;
		}
	}
	*ret = final ? value_copy(final) : value_copy(&now);
	return 0;
}

static char *source_of(const struct exec *x, const struct node *node)
{
	return xstrndup(x->t->source + node->from, node->to - node->from);
}

static int eval_args(
	struct exec *x, const struct node *command, const struct value *dot, struct value *args)
{
	for (size_t i = 1; i < command->n; i++)
		TRY(eval_word(x, command->kids[i], dot, &args[i - 1]));
	return 0;
}

static int eval_call(struct exec *x, const struct node *command, const struct value *dot,
	const struct value *final, struct value *ret)
{
	const char *name = command->kids[0]->text;
	size_t n = command->n - 1 + (final != NULL);
	autofree struct value *args = xcalloc(n + 1, sizeof(*args));
	struct call call = { .name = name, .args = args, .n = n, .header = x->env->header };
	int r;

	if ((strcmp(name, "and") == 0 || strcmp(name, "or") == 0) && n > 0)
		return eval_logic(x, command, dot, final, ret);
	if (n == 0 && (strcmp(name, "and") == 0 || strcmp(name, "or") == 0))
		return fail(x, command->kids[0],
			name[0] == 'a' ? "wrong number of args for and: want at least 1 got 0"
				       : "wrong number of args for or: want at least 1 got 0");
	r = eval_args(x, command, dot, args);
	if (command->n > 1)
		call.first = source_of(x, command->kids[1]);
	if (r == 0) {
		if (final)
			args[n - 1] = value_copy(final);
		r = template_call(&call, ret, x->err);
		if (r < 0)
			r = fail_again(x, command, &call);
	}
	for (size_t i = 0; i < n; i++)
		value_done(&args[i]);
	free(call.first);
	return r;
}

/* Of a row, ".Label" is the one function: {{.Label "key"}}; the other fields take nothing. */
static int check_args(struct exec *x, const struct node *command, const struct value *dot, size_t n)
{
	const struct node *first = command->kids[0];
	bool label, row = x->env->type && first->kind == NODE_FIELD && first->names.n == 1 &&
			  dot->v == x->env->data;
	char why[160];

	if (!row)
		return 0;
	label = strcmp(first->names.v[0], "Label") == 0;
	if (n != (label ? 1u : 0u)) {
		snprintf(why, sizeof(why), "wrong number of args for %.60s: want %d got %zu",
			first->names.v[0], label, n);
		return fail(x, first, why);
	}
	if (label && command->n > 1 && command->kids[1]->kind > NODE_STRING) {
		snprintf(why, sizeof(why), "expected string; found %.*s",
			(int)(command->kids[1]->to - command->kids[1]->from),
			x->t->source + command->kids[1]->from);
		return fail(x, command->kids[1], why);
	}
	return 0;
}

/* A "method" with an argument: {{.Label "key"}} looks the key up in the map .Label. */
static int eval_method(struct exec *x, const struct node *command, const struct value *dot,
	const struct value *final, struct value *ret)
{
	size_t n = command->n - 1 + (final != NULL);
	autovalue struct value map = VALUE_NONE, key = VALUE_NONE;
	char why[128];

	TRY(check_args(x, command, dot, n));
	TRY(eval_word(x, command->kids[0], dot, &map));
	if (n == 0) {
		*ret = map;
		map = VALUE_NONE;
		return 0;
	}
	if (final)
		key = value_copy(final);
	else
		TRY(eval_word(x, command->kids[1], dot, &key));
	if (x->env->header) {
		*ret = value_copy(&key);
		return 0;
	}
	if (n != 1 || !map.loose || json_kind(map.v) != JSON_MAP || json_kind(key.v) != JSON_STR) {
		snprintf(why, sizeof(why), "%.60s is not a method but has arguments",
			command->kids[0]->names.n ? command->kids[0]->names.v[0] : "it");
		return fail(x, command->kids[0], why);
	}
	*ret = value_adopt(json_ref(json_get(map.v, json_str(key.v, ""))));
	ret->zero = !ret->v;
	return 0;
}

static int eval_command(struct exec *x, const struct node *command, const struct value *dot,
	const struct value *final, struct value *ret)
{
	const struct node *first = command->kids[0];
	char why[160];

	if (first->kind == NODE_NAME)
		return eval_call(x, command, dot, final, ret);
	if (first->kind == NODE_FIELD || first->kind == NODE_VARIABLE || first->kind == NODE_CHAIN)
		return eval_method(x, command, dot, final, ret);
	if (command->n > 1 || final) {
		snprintf(why, sizeof(why), "can't give argument to non-function %.*s",
			(int)(first->to - first->from > 100 ? 100 : first->to - first->from),
			x->t->source + first->from);
		return fail(x, first, why);
	}
	if (first->kind == NODE_NIL)
		return fail(x, first, "nil is not a command");
	return eval_word(x, first, dot, ret);
}

/* The value of a pipeline, without setting its variables. */
static int pipe_value(
	struct exec *x, const struct node *pipe, const struct value *dot, struct value *ret)
{
	autovalue struct value now = VALUE_NONE;

	for (size_t i = 0; i < pipe->n; i++) {
		struct value next = VALUE_NONE;

		TRY(eval_command(x, pipe->kids[i], dot, i ? &now : NULL, &next));
		value_done(&now);
		now = next;
	}
	*ret = now;
	now = VALUE_NONE;
	return 0;
}

static int eval_pipe(
	struct exec *x, const struct node *pipe, const struct value *dot, struct value *ret)
{
	autovalue struct value value = VALUE_NONE;

	TRY(pipe_value(x, pipe, dot, &value));
	TRY(set_variables(x, pipe, &value));
	*ret = value;
	value = VALUE_NONE;
	return 0;
}

/* ---- statements; results are enum flow or -errno ---- */

static int run_list(struct exec *x, const struct node *list, const struct value *dot);

static int run_if(struct exec *x, const struct node *node, const struct value *dot)
{
	autovalue struct value value = VALUE_NONE;
	size_t mark = x->n_vars;
	int r = FLOW_ON;

	TRY(eval_pipe(x, node->kids[0], dot, &value));
	if (value_true(&value))
		r = run_list(x, node->kids[1], node->kind == NODE_WITH ? &value : dot);
	else if (node->n > 2)
		r = run_list(x, node->kids[2], dot);
	pop_to(x, mark);
	return r;
}

static int run_turn(
	struct exec *x, const struct node *node, struct value adopt_key, struct value *item)
{
	const struct strv *names = &node->kids[0]->names;
	size_t mark = x->n_vars;
	int r;

	if (names->n == 2)
		push(x, names->v[0], adopt_key);
	else
		value_done(&adopt_key);
	if (names->n)
		push(x, names->v[names->n - 1], value_copy(item));
	r = run_list(x, node->kids[1], item);
	pop_to(x, mark);
	return r;
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct json_iter *)a)->key, ((const struct json_iter *)b)->key);
}

/* Go visits maps in the order of their keys. */
static struct json_iter *items_of(const struct json *v, size_t *ret_n)
{
	struct json_iter *items = xcalloc(json_len(v) + 1, sizeof(*items));
	size_t n = 0;

	json_each (it, v)
		items[n++] = it;
	if (json_kind(v) == JSON_MAP)
		qsort(items, n, sizeof(*items), by_key);
	*ret_n = n;
	return items;
}

static int run_range(struct exec *x, const struct node *node, const struct value *dot)
{
	autovalue struct value value = VALUE_NONE;
	autofree struct json_iter *items = NULL;
	autobuf struct buf text = BUF_INIT;
	char why[128];
	size_t n = 0;

	TRY(pipe_value(x, node->kids[0], dot, &value));
	if (json_kind(value.v) > JSON_NIL && json_kind(value.v) != JSON_LIST &&
		json_kind(value.v) != JSON_MAP) {
		value_print(&value, &text);
		snprintf(why, sizeof(why), "range can't iterate over %.100s", text.data);
		return fail(x, node->kids[0], why);
	}
	items = items_of(value.v, &n);
	if (n == 0)
		return node->n > 2 ? run_list(x, node->kids[2], dot) : FLOW_ON;
	for (size_t i = 0; i < n; i++) {
		autovalue struct value item = value_adopt(json_ref(items[i].value));
		struct json *key = items[i].key ? json_new_string(items[i].key)
						: json_new_int((int64_t)i);
		int r = run_turn(x, node, value_adopt(key), &item);

		TRY(r);
		if (r == FLOW_BREAK)
			break;
	}
	return FLOW_ON;
}

static int run_action(struct exec *x, const struct node *node, const struct value *dot)
{
	autovalue struct value value = VALUE_NONE;

	TRY(eval_pipe(x, node->kids[0], dot, &value));
	if (node->kids[0]->names.n == 0)
		value_print(&value, x->out);
	return FLOW_ON;
}

#define CALLS_MAX 100

/* Another body, with its own "." and "$". */
static int run_template(struct exec *x, const struct node *node, const struct value *dot)
{
	const struct node *body = template_defined(x->t, node->text);
	autovalue struct value value = VALUE_NONE;
	struct variable *outer = x->vars;
	size_t n_outer = x->n_vars;
	char why[160];
	int r;

	if (!body) {
		snprintf(why, sizeof(why), "template \"%.100s\" not defined", node->text);
		return fail(x, node, why);
	}
	if (x->calls >= CALLS_MAX)
		return fail(x, node, "exceeded maximum template depth");
	if (node->n)
		TRY(eval_pipe(x, node->kids[0], dot, &value));
	x->calls++;
	x->vars = NULL;
	x->n_vars = 0;
	push(x, "$", value_copy(&value));
	r = run_list(x, body, &value);
	pop_to(x, 0);
	free(x->vars);
	x->vars = outer;
	x->n_vars = n_outer;
	x->calls--;
	return r;
}

static int run_node(struct exec *x, const struct node *node, const struct value *dot)
{
	switch (node->kind) {
	case NODE_TEXT:
		buf_adds(x->out, node->text);
		return FLOW_ON;
	case NODE_ACTION:
		return run_action(x, node, dot);
	case NODE_IF:
	case NODE_WITH:
		return run_if(x, node, dot);
	case NODE_RANGE:
		return run_range(x, node, dot);
	case NODE_BREAK:
		return FLOW_BREAK;
	case NODE_CONTINUE:
		return FLOW_CONTINUE;
	case NODE_TEMPLATE:
		return run_template(x, node, dot);
	case NODE_LIST:
		return run_list(x, node, dot);
	case NODE_PIPE:
	case NODE_COMMAND:
	case NODE_DOT:
	case NODE_FIELD:
	case NODE_VARIABLE:
	case NODE_CHAIN:
	case NODE_NAME:
	case NODE_STRING:
	case NODE_NUMBER:
	case NODE_FLOAT:
	case NODE_BOOL:
	case NODE_NIL:
		break;
	}
	return fail(x, node, "cannot be run");
}

static int run_list(struct exec *x, const struct node *list, const struct value *dot)
{
	for (size_t i = 0; i < list->n; i++) {
		int r = run_node(x, list->kids[i], dot);

		if (r != FLOW_ON)
			return r;
	}
	return FLOW_ON;
}

int template_execute(
	const struct template *t, const struct template_env *env, struct buf *out, struct err *err)
{
	struct exec x = { .t = t, .env = env, .out = out, .err = err };
	autovalue struct value dot = value_adopt(json_ref(env->data));
	int r;

	push(&x, "$", value_copy(&dot));
	r = run_list(&x, t->root, &dot);
	pop_to(&x, 0);
	free(x.vars);
	return r < 0 ? r : 0;
}
