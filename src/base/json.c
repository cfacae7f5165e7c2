/* SPDX-License-Identifier: Apache-2.0 */
/* See json.h. struct json is a json_t seen through a wall: the only casts are in these two helpers. */
#include "base/json.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define DEPTH_MAX 64

static json_t *inner(const struct json *v)
{
	return (json_t *)v;
}

static struct json *outer(json_t *v)
{
	return (struct json *)v;
}

/* jansson returns NULL only when memory is out (for the constructors used here). */
static struct json *made(json_t *v)
{
	if (!v)
		(void)xmalloc(SIZE_MAX); /* says so and exits */
	return outer(v);
}

/* jansson's own limit is 2048 levels: bracket counting before parsing keeps ours. */
static bool too_deep(const char *text, size_t len)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > DEPTH_MAX)
				return true;
		} else if (c == ']' || c == '}') {
			depth--;
		}
	}
	return false;
}

int json_parse(const char *text, size_t len, struct json **ret, struct err *err)
{
	json_error_t why;
	json_t *v;

	if (too_deep(text, len))
		return err_set(
			err, -EINVAL, "invalid JSON: nested deeper than %d levels", DEPTH_MAX);
	if (memchr(text, '\0', len)) /* jansson takes it for the end of the text */
		return err_set(err, -EINVAL, "invalid JSON: there is a NUL byte in it");
	v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (!v)
		return err_set(err, -EINVAL, "invalid JSON at line %d: %s", why.line, why.text);
	*ret = outer(v);
	return 0;
}

int json_read_at(int dir, const char *name, size_t max, struct json **ret, struct err *err)
{
	autofree char *text = NULL;
	size_t len;
	int r;

	TRY(fs_read_at(dir, name, max, &text, &len, err));
	r = json_parse(text, len, ret, err);
	return r < 0 ? err_wrap(err, "%s", name) : 0;
}

struct json *json_ref(const struct json *v)
{
	return outer(json_incref(inner(v)));
}

void json_free(struct json *v)
{
	json_decref(inner(v));
}

void json_free_(struct json **v)
{
	json_free(*v);
}

enum json_type json_kind(const struct json *v)
{
	if (!v)
		return JSON_NONE;
	switch (json_typeof(inner(v))) {
	case JSON_OBJECT:
		return JSON_MAP;
	case JSON_ARRAY:
		return JSON_LIST;
	case JSON_STRING:
		return JSON_STR;
	case JSON_INTEGER:
		return JSON_INT;
	case JSON_REAL:
		return JSON_NUMBER;
	case JSON_TRUE:
	case JSON_FALSE:
		return JSON_BOOLEAN;
	case JSON_NULL:
		return JSON_NIL;
	}
	return JSON_NONE;
}

struct json *json_get(const struct json *map, const char *key)
{
	return outer(json_object_get(inner(map), key));
}

struct json *json_path(const struct json *map, const char *key, ...)
{
	struct json *v = json_get(map, key);
	va_list ap;

	va_start(ap, key);
	while (v && (key = va_arg(ap, const char *)))
		v = json_get(v, key);
	va_end(ap);
	return v;
}

size_t json_len(const struct json *v)
{
	return json_kind(v) == JSON_MAP ? json_object_size(inner(v)) : json_array_size(inner(v));
}

struct json *json_at(const struct json *list, size_t index)
{
	return outer(json_array_get(inner(list), index));
}

const char *json_str(const struct json *v, const char *fallback)
{
	return json_is_string(inner(v)) ? json_string_value(inner(v)) : fallback;
}

int64_t json_int(const struct json *v, int64_t fallback)
{
	return json_is_integer(inner(v)) ? json_integer_value(inner(v)) : fallback;
}

bool json_bool(const struct json *v, bool fallback)
{
	return json_is_boolean(inner(v)) ? json_is_true(inner(v)) : fallback;
}

void json_strv(const struct json *list, struct strv *ret)
{
	for (size_t i = 0; i < json_array_size(inner(list)); i++) {
		const char *s = json_str(json_at(list, i), NULL);

		if (s)
			strv_add(ret, s);
	}
}

static void iter_fill(struct json_iter *it)
{
	if (json_kind(it->of) == JSON_MAP) {
		it->key = it->pos ? json_object_iter_key(it->pos) : NULL;
		it->value = it->pos ? outer(json_object_iter_value(it->pos)) : NULL;
	} else {
		it->value = json_at(it->of, it->index);
	}
}

struct json_iter json_iter(const struct json *map_or_list)
{
	struct json_iter it = { .of = map_or_list };

	if (json_kind(map_or_list) == JSON_MAP)
		it.pos = json_object_iter(inner(map_or_list));
	iter_fill(&it);
	return it;
}

void json_next(struct json_iter *it)
{
	if (it->pos)
		it->pos = json_object_iter_next(inner(it->of), it->pos);
	it->index++;
	iter_fill(it);
}

struct json *json_new_map(void)
{
	return made(json_object());
}

struct json *json_new_list(void)
{
	return made(json_array());
}

/* What is no UTF-8 becomes U+FFFD. */
static void put_clean(const char *s, struct buf *clean)
{
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		size_t n = utf8_length(p, SIZE_MAX);

		buf_add(clean, n ? (const char *)p : "\xef\xbf\xbd", n ? n : 3);
		p += n ? n : 1;
	}
}

struct json *json_new_string(const char *s)
{
	autobuf struct buf clean = BUF_INIT;
	json_t *v = s ? json_string(s) : json_null();

	if (v)
		return outer(v);
	put_clean(s, &clean);
	return made(json_string(clean.data ? clean.data : ""));
}

struct json *json_new_int(int64_t n)
{
	return made(json_integer(n));
}

struct json *json_new_bool(bool b)
{
	return made(json_boolean(b));
}

struct json *json_new_null(void)
{
	return made(json_null());
}

struct json *json_new_strv(const struct strv *sv)
{
	struct json *list = json_new_list();

	strv_each (item, sv)
		json_push(list, json_new_string(*item));
	return list;
}

void json_put(struct json *map, const char *key, struct json *value)
{
	autobuf struct buf clean = BUF_INIT;

	if (json_object_set(inner(map), key, inner(value)) < 0) { /* the key is no UTF-8 */
		put_clean(key, &clean);
		if (json_object_set(inner(map), clean.data ? clean.data : "", inner(value)) < 0)
			(void)made(NULL); /* memory; a map is the caller's promise */
	}
	json_free(value);
}

void json_del(struct json *map, const char *key)
{
	(void)json_object_del(inner(map), key); /* absent is fine */
}

void json_push(struct json *list, struct json *value)
{
	if (json_array_append_new(inner(list), inner(value)) < 0)
		(void)made(NULL);
}

void json_remove(struct json *list, size_t index)
{
	(void)json_array_remove(inner(list), index); /* out of range is fine */
}

void json_put_string(struct json *map, const char *key, const char *s)
{
	json_put(map, key, json_new_string(s));
}

void json_put_int(struct json *map, const char *key, int64_t n)
{
	json_put(map, key, json_new_int(n));
}

void json_put_bool(struct json *map, const char *key, bool b)
{
	json_put(map, key, json_new_bool(b));
}

static int add_chunk(const char *data, size_t len, void *out)
{
	buf_add(out, data, len);
	return 0;
}

void json_write(const struct json *v, int indent, struct buf *out)
{
	size_t flags = JSON_ENCODE_ANY | (indent ? JSON_INDENT((size_t)indent) : JSON_COMPACT);

	if (json_dump_callback(inner(v), add_chunk, out, flags) < 0)
		(void)made(NULL);
}
