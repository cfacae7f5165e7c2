/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values while a template runs: JSON plus what JSON cannot say. Go distinguishes structs, where a
 * wrong field name is an error, from maps, where it gives the zero value; JSON has one kind of object.
 * `loose` marks the maps, told by the name of the field they came from (Labels, Ports …).
 */
#ifndef SBX_COMMANDS_TEMPLATE_VALUE_H
#define SBX_COMMANDS_TEMPLATE_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"

struct value {
	struct json *v; /* a reference of ours; NULL: no value */
	bool loose;     /* a Go map */
	bool nil;       /* a nil slice or map: v is an empty one, only json tells them apart */
	bool zero;      /* v is NULL because a map or list had no such element: prints as nothing */
};
#define VALUE_NONE     \
	(struct value) \
	{              \
		0      \
	}
void value_done(struct value *value);
#define autovalue __attribute__((cleanup(value_done)))

struct value value_adopt(struct json *v);
struct value value_copy(const struct value *value);
bool value_true(const struct value *value);
bool value_is_map_name(const char *field);  /* a Go map by its field name */
bool value_is_list_name(const char *field); /* a Go slice, which is "[]" when null */

void value_print(const struct value *value, struct buf *out); /* as fmt.Print would */
void value_quote(const char *text, struct buf *out);          /* strconv.Quote */
const char *value_type(const struct value *value);            /* "string", "int" … for messages */

/* from.name, as it is seen of a template that runs with env. The message is bare. */
struct template_env;
int value_field(const struct template_env *env, const struct value *from, const char *name,
	struct value *ret, struct err *err);

/* -1, 0, 1; -EINVAL: not comparable with each other */
int value_compare(const struct value *a, const struct value *b, int *ret);

/* A function of templates. args are borrowed; fills *ret. The message of an error is bare, the caller
 * says where it was. */
struct call {
	const char *name;
	struct value *args;
	size_t n;
	bool header;
	char *first; /* the source of the first argument, or NULL */
	size_t bad;  /* out: 1 + the argument that the error is about; 0 = the call */
};
#define CALL_ITSELF SIZE_MAX /* in `bad`: the name of the function */
int template_call(struct call *call, struct value *ret, struct err *err);

/* What fmt.Print and fmt.Println write of the arguments. */
void template_print(const struct call *call, bool line, struct buf *text);
int template_escape(struct call *call, struct value *ret, struct err *err); /* html, js, urlquery */

/* fmt.Sprintf's %v %s %d %f %q %x %X %t %c with flags and widths. */
void value_format(const char *format, const struct value *args, size_t n, struct buf *out);

#endif
