/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON documents, strict on input (UTF-8, no duplicate keys, depth at most 64, nothing after the
 * value). A thin face over jansson, which only json.c includes. Uses xalloc.
 *
 * Ownership: json_parse() and json_new_*() return a reference that the caller drops with json_free()
 * or autojson. json_get() and json_at() borrow from their container. json_put() and json_push() take
 * the value over. Getters accept NULL and any type, and return their default when it does not fit.
 */
#ifndef SBX_BASE_JSON_H
#define SBX_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct json; /* opaque; a jansson value */

enum json_type {
	JSON_NONE,
	JSON_NIL,
	JSON_BOOLEAN,
	JSON_INT,
	JSON_NUMBER,
	JSON_STR,
	JSON_LIST,
	JSON_MAP
};

#define autojson __attribute__((cleanup(json_free_)))

int json_parse(const char *text, size_t len, struct json **ret, struct err *err);
int json_read_at(int dir, const char *name, size_t max, struct json **ret, struct err *err);
struct json *json_ref(const struct json *v); /* another reference; NULL ok */
void json_free(struct json *v);              /* NULL ok */
void json_free_(struct json **v);

enum json_type json_kind(const struct json *v); /* JSON_NONE for NULL */
struct json *json_get(const struct json *map, const char *key);
/* json_path(doc, "config", "Labels", NULL): NULL-terminated keys. */
struct json *json_path(const struct json *map, const char *key, ...) __attribute__((sentinel));
size_t json_len(const struct json *v); /* of a list or map, else 0 */
struct json *json_at(const struct json *list, size_t index);
const char *json_str(const struct json *v, const char *fallback); /* borrowed, no NUL inside */
int64_t json_int(const struct json *v, int64_t fallback);
bool json_bool(const struct json *v, bool fallback);
void json_strv(const struct json *list, struct strv *ret); /* appends the strings */

/* for (struct json_iter it = json_iter(map); it.value; json_next(&it)) ... keys in file order */
struct json_iter {
	const char *key; /* borrowed; NULL for lists */
	struct json *value;
	const struct json *of;
	void *pos;
	size_t index;
};
struct json_iter json_iter(const struct json *map_or_list);
void json_next(struct json_iter *it);
#define json_each(it, v) for (struct json_iter it = json_iter(v); it.value; json_next(&it))

struct json *json_new_map(void);
struct json *json_new_list(void);
struct json *json_new_string(const char *s); /* invalid UTF-8 becomes U+FFFD; NULL → null */
struct json *json_new_int(int64_t n);
struct json *json_new_bool(bool b);
struct json *json_new_null(void);
struct json *json_new_strv(const struct strv *sv); /* empty list for an empty vector */

/* Takes value; replaces. As in values, what is no UTF-8 in the key becomes U+FFFD. */
void json_put(struct json *map, const char *key, struct json *value);
void json_del(struct json *map, const char *key);
void json_push(struct json *list, struct json *value); /* takes value */
void json_remove(struct json *list, size_t index);
void json_put_string(struct json *map, const char *key, const char *s);
void json_put_int(struct json *map, const char *key, int64_t n);
void json_put_bool(struct json *map, const char *key, bool b);

/* indent 0: one line, no spaces. Keys keep their order. No newline at the end. */
void json_write(const struct json *v, int indent, struct buf *out);

#endif
