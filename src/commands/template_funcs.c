/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions of templates: Go's own (comparison, index, len, print…) and Docker's (json, split,
 * join, title, lower, upper, pad, truncate). `and` and `or` are not here, because they evaluate their
 * arguments one by one.
 */
#include "commands/template_node.h"
#include "commands/template_value.h"

#include <ctype.h>
#include <errno.h>

#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"

typedef int (*call_fn)(struct call *call, struct value *ret, struct err *err);

static const char *string_arg(struct call *call, size_t i, struct err *err)
{
	if (json_kind(call->args[i].v) == JSON_STR)
		return json_str(call->args[i].v, "");
	if (call->args[i].zero)
		return "";
	call->bad = i + 1;
	if (json_kind(call->args[i].v) == JSON_NONE)
		err_set(err, -EINVAL, "invalid value; expected string");
	else
		err_set(err, -EINVAL, "wrong type for value; expected string; got %s",
			value_type(&call->args[i]));
	return NULL;
}

static int int_arg(struct call *call, size_t i, int64_t *ret, struct err *err)
{
	if (json_kind(call->args[i].v) != JSON_INT) {
		call->bad = i + 1;
		return err_set(err, -EINVAL, "wrong type for value; expected int; got %s",
			value_type(&call->args[i]));
	}
	*ret = json_int(call->args[i].v, 0);
	return 0;
}

static void return_text(struct buf *text, struct value *ret)
{
	*ret = value_adopt(json_new_string(text->data ? text->data : ""));
}

/* ---- comparison ---- */

static int bad_comparison(struct call *call, struct err *err)
{
	return err_set(
		err, -EINVAL, "error calling %s: incompatible types for comparison", call->name);
}

/* Go lets anything be compared with nil. */
static bool either_nil(const struct value *a, const struct value *b, bool *ret_same)
{
	bool x = json_kind(a->v) <= JSON_NIL, y = json_kind(b->v) <= JSON_NIL;

	*ret_same = x && y;
	return x || y;
}

static int call_eq(struct call *call, struct value *ret, struct err *err)
{
	bool same = false;
	int order = 1;

	for (size_t i = 1; i < call->n && !same; i++) {
		if (call->args[0].zero || call->args[i].zero) /* an absent string is "" */
			same = !value_true(&call->args[0]) && !value_true(&call->args[i]);
		else if (either_nil(&call->args[0], &call->args[i], &same))
			continue;
		else if (value_compare(&call->args[0], &call->args[i], &order) < 0)
			return bad_comparison(call, err);
		else
			same = order == 0;
	}
	*ret = value_adopt(json_new_bool(same == (call->name[0] == 'e')));
	return 0;
}

static int call_order(struct call *call, struct value *ret, struct err *err)
{
	int order = 0;
	bool less = call->name[0] == 'l', equal = call->name[1] == 'e';

	if (json_kind(call->args[0].v) == JSON_BOOLEAN ||
		value_compare(&call->args[0], &call->args[1], &order) < 0)
		return bad_comparison(call, err);
	*ret = value_adopt(json_new_bool((equal && order == 0) || (less ? order < 0 : order > 0)));
	return 0;
}

static int call_not(struct call *call, struct value *ret, struct err *err)
{
	(void)err;
	*ret = value_adopt(json_new_bool(!value_true(&call->args[0])));
	return 0;
}

/* ---- collections ---- */

static int call_len(struct call *call, struct value *ret, struct err *err)
{
	enum json_type kind = json_kind(call->args[0].v);
	size_t n = kind == JSON_STR ? strlen(json_str(call->args[0].v, ""))
				    : json_len(call->args[0].v);

	if (kind != JSON_STR && kind != JSON_LIST && kind != JSON_MAP && kind != JSON_NIL &&
		!call->args[0].zero)
		return err_set(err, -EINVAL, "error calling len: len of type %s",
			value_type(&call->args[0]));
	*ret = value_adopt(json_new_int((int64_t)n));
	return 0;
}

static int index_list(
	const struct value *list, const struct value *key, struct value *ret, struct err *err)
{
	int64_t i = json_int(key->v, -1);

	if (json_kind(key->v) != JSON_INT)
		return err_set(err, -EINVAL,
			"error calling index: cannot index slice/array with type %s",
			value_type(key));
	if (i >= 0 && (uint64_t)i == json_len(list->v)) /* so says Go's reflect */
		return err_set(
			err, -EINVAL, "error calling index: reflect: slice index out of range");
	if (i < 0 || (uint64_t)i > json_len(list->v))
		return err_set(err, -EINVAL, "error calling index: index out of range: %lld",
			(long long)i);
	*ret = value_adopt(json_ref(json_at(list->v, (size_t)i)));
	return 0;
}

static int index_text(
	const struct value *text, const struct value *key, struct value *ret, struct err *err)
{
	const char *s = json_str(text->v, "");
	int64_t i = json_int(key->v, -1);

	if (i >= 0 && (uint64_t)i == strlen(s))
		return err_set(
			err, -EINVAL, "error calling index: reflect: string index out of range");
	if (i < 0 || (uint64_t)i > strlen(s))
		return err_set(err, -EINVAL, "error calling index: index out of range: %lld",
			(long long)i);
	*ret = value_adopt(json_new_int((unsigned char)s[i]));
	return 0;
}

static int index_one(
	const struct value *from, const struct value *key, struct value *ret, struct err *err)
{
	enum json_type kind = json_kind(from->v);

	if (kind == JSON_MAP && json_kind(key->v) != JSON_STR)
		return err_set(err, -EINVAL,
			"error calling index: value has type %s; should be string",
			value_type(key));
	if (kind == JSON_MAP || (kind <= JSON_NIL && json_kind(key->v) == JSON_STR)) {
		*ret = value_adopt(json_ref(json_get(from->v, json_str(key->v, ""))));
		ret->zero = !ret->v;
		return 0;
	}
	if (kind == JSON_STR)
		return index_text(from, key, ret, err);
	if (kind == JSON_LIST || kind <= JSON_NIL)
		return index_list(from, key, ret, err);
	return err_set(
		err, -EINVAL, "error calling index: can't index item of type %s", value_type(from));
}

static int call_index(struct call *call, struct value *ret, struct err *err)
{
	autovalue struct value now = value_copy(&call->args[0]);

	for (size_t i = 1; i < call->n; i++) {
		struct value next = VALUE_NONE;

		TRY(index_one(&now, &call->args[i], &next, err));
		value_done(&now);
		now = next;
	}
	*ret = now;
	now = VALUE_NONE;
	return 0;
}

/* What Go makes of an empty separator. */
static void split_characters(const char *text, struct json *list)
{
	while (*text) {
		size_t n = utf8_length(text, SIZE_MAX);
		autofree char *one = xstrndup(text, n ? n : 1);

		json_push(list, json_new_string(one));
		text += n ? n : 1;
	}
}

static int call_split(struct call *call, struct value *ret, struct err *err)
{
	const char *text = string_arg(call, 0, err), *sep = text ? string_arg(call, 1, err) : NULL;
	struct json *list;
	size_t n;

	if (!sep)
		return err->code;
	n = strlen(sep);
	list = json_new_list();
	if (!n) {
		split_characters(text, list);
		*ret = value_adopt(list);
		return 0;
	}
	for (;;) {
		const char *hit = strstr(text, sep);
		autofree char *part = hit ? xstrndup(text, (size_t)(hit - text)) : NULL;

		if (!hit)
			break;
		json_push(list, json_new_string(part));
		text = hit + n;
	}
	json_push(list, json_new_string(text));
	*ret = value_adopt(list);
	return 0;
}

static int call_join(struct call *call, struct value *ret, struct err *err)
{
	const char *sep = string_arg(call, 1, err), *between = "";
	autobuf struct buf text = BUF_INIT;

	if (!sep)
		return err->code;
	if (json_kind(call->args[0].v) != JSON_LIST && json_kind(call->args[0].v) > JSON_NIL)
		return err_set(err, -EINVAL, "wrong type for value; expected []string; got %s",
			value_type(&call->args[0]));
	json_each (it, call->args[0].v) {
		struct value item = { .v = it.value };

		buf_adds(&text, between);
		value_print(&item, &text);
		between = sep;
	}
	return_text(&text, ret);
	return 0;
}

/* slice text from to: Go's text[from:to] */
static int call_slice(struct call *call, struct value *ret, struct err *err)
{
	const char *s = string_arg(call, 0, err);
	int64_t len = s ? (int64_t)strlen(s) : 0, from = 0, to = len;
	autofree char *part = NULL;

	if (!s)
		return err->code;
	if (call->n > 1)
		TRY(int_arg(call, 1, &from, err));
	if (call->n > 2)
		TRY(int_arg(call, 2, &to, err));
	if (from < 0 || from > len || to < 0 || to > len)
		return err_set(err, -EINVAL, "error calling slice: index out of range: %lld",
			(long long)(from < 0 || from > len ? from : to));
	if (to < from)
		return err_set(err, -EINVAL,
			"error calling slice: invalid slice index: %lld > %lld", (long long)from,
			(long long)to);
	part = xstrndup(s + from, (size_t)(to - from));
	*ret = value_adopt(json_new_string(part));
	return 0;
}

/* ---- text ---- */

static int call_json(struct call *call, struct value *ret, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	(void)err;
	if (call->args[0].zero)
		buf_adds(&text, "\"\"");
	else if (json_kind(call->args[0].v) == JSON_NONE || call->args[0].nil)
		buf_adds(&text, "null");
	else
		json_write(call->args[0].v, 0, &text);
	return_text(&text, ret);
	return 0;
}

static int call_case(struct call *call, struct value *ret, struct err *err)
{
	const char *s = string_arg(call, 0, err);
	autobuf struct buf text = BUF_INIT;
	bool start = true;

	if (!s)
		return err->code;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool up = call->name[0] == 'u' || (call->name[0] == 't' && start);

		start = !isalnum(c) && c != '_' && c < 0x80;
		if (up)
			buf_addc(&text, (char)toupper(c));
		else
			buf_addc(&text, call->name[0] == 'l' ? (char)tolower(c) : (char)c);
	}
	return_text(&text, ret);
	return 0;
}

#define PAD_MAX 1000

static int call_pad(struct call *call, struct value *ret, struct err *err)
{
	const char *s = string_arg(call, 0, err);
	int64_t before = 0, after = 0;
	autobuf struct buf text = BUF_INIT;

	if (!s)
		return err->code;
	TRY(int_arg(call, 1, &before, err));
	TRY(int_arg(call, 2, &after, err));
	if (before < 0 || before > PAD_MAX || after < 0 || after > PAD_MAX)
		return err_set(err, -EINVAL, "error calling pad: width out of range");
	if (*s)
		buf_addf(&text, "%*s%s%*s", (int)before, "", s, (int)after, "");
	return_text(&text, ret);
	return 0;
}

static int call_truncate(struct call *call, struct value *ret, struct err *err)
{
	const char *s = string_arg(call, 0, err);
	autofree char *cut = NULL;
	int64_t most = 0;

	if (!s)
		return err->code;
	TRY(int_arg(call, 1, &most, err));
	if (most < 0)
		return err_set(err, -EINVAL, "error calling truncate: negative length");
	cut = xstrndup(s, (size_t)most);
	*ret = value_adopt(json_new_string(cut));
	return 0;
}

/* print: spaces between operands when neither is a string; println: always, and a newline. */
void template_print(const struct call *call, bool line, struct buf *text)
{
	for (size_t i = 0; i < call->n; i++) {
		bool strings = i && (json_kind(call->args[i].v) == JSON_STR ||
					    json_kind(call->args[i - 1].v) == JSON_STR);

		if (i && (line || !strings))
			buf_addc(text, ' ');
		if (json_kind(call->args[i].v) == JSON_NONE && !call->args[i].zero)
			buf_adds(text, "<nil>");
		else
			value_print(&call->args[i], text);
	}
	if (line)
		buf_addc(text, '\n');
}

static int call_print(struct call *call, struct value *ret, struct err *err)
{
	bool line = strcmp(call->name, "println") == 0;
	autobuf struct buf text = BUF_INIT;

	(void)err;
	template_print(call, line, &text);
	return_text(&text, ret);
	return 0;
}

static int call_printf(struct call *call, struct value *ret, struct err *err)
{
	const char *format = string_arg(call, 0, err);
	autobuf struct buf text = BUF_INIT;

	if (!format)
		return err->code;
	value_format(format, call->args + 1, call->n - 1, &text);
	return_text(&text, ret);
	return 0;
}

static int call_call(struct call *call, struct value *ret, struct err *err)
{
	(void)ret;
	return err_set(err, -EINVAL, "error calling call: non-function %s of type %s",
		call->first ? call->first : "", value_type(&call->args[0]));
}

static const struct function {
	const char *name;
	call_fn call;
	size_t min, max;
} functions[] = {
	{ "and", NULL, 1, SIZE_MAX },
	{ "call", call_call, 1, SIZE_MAX },
	{ "eq", call_eq, 2, SIZE_MAX },
	{ "ge", call_order, 2, 2 },
	{ "gt", call_order, 2, 2 },
	{ "html", template_escape, 1, SIZE_MAX },
	{ "index", call_index, 1, SIZE_MAX },
	{ "join", call_join, 2, 2 },
	{ "js", template_escape, 1, SIZE_MAX },
	{ "json", call_json, 1, 1 },
	{ "le", call_order, 2, 2 },
	{ "len", call_len, 1, 1 },
	{ "lower", call_case, 1, 1 },
	{ "lt", call_order, 2, 2 },
	{ "ne", call_eq, 2, 2 },
	{ "not", call_not, 1, 1 },
	{ "or", NULL, 1, SIZE_MAX },
	{ "pad", call_pad, 3, 3 },
	{ "print", call_print, 0, SIZE_MAX },
	{ "printf", call_printf, 1, SIZE_MAX },
	{ "println", call_print, 0, SIZE_MAX },
	{ "slice", call_slice, 1, 3 },
	{ "split", call_split, 2, 2 },
	{ "title", call_case, 1, 1 },
	{ "truncate", call_truncate, 2, 2 },
	{ "upper", call_case, 1, 1 },
	{ "urlquery", template_escape, 1, SIZE_MAX },
};

static const struct function *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++)
		if (strcmp(functions[i].name, name) == 0)
			return &functions[i];
	return NULL;
}

bool template_is_function(const char *name)
{
	return find(name) != NULL;
}

/* In the heading row Docker's own functions return what they got. */
static bool hands_through(const char *name)
{
	static const char *const names[] = { "json", "split", "join", "title", "lower", "upper",
		"truncate" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

int template_call(struct call *call, struct value *ret, struct err *err)
{
	const struct function *f = find(call->name);

	call->bad = 0;
	if (call->n < f->min || call->n > f->max) {
		call->bad = CALL_ITSELF;
		return err_set(err, -EINVAL, "wrong number of args for %s: want %s%zu got %zu",
			call->name, f->max == SIZE_MAX ? "at least " : "", f->min, call->n);
	}
	if (call->header && call->n && hands_through(call->name)) {
		*ret = value_copy(&call->args[0]);
		return 0;
	}
	return f->call(call, ret, err);
}
