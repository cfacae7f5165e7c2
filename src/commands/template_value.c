/* SPDX-License-Identifier: Apache-2.0 */
/* Printing and comparing as Go does it. Pure. */
#include "commands/template_value.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "commands/output.h"

void value_done(struct value *value)
{
	json_free(value->v);
	*value = VALUE_NONE;
}

struct value value_adopt(struct json *v)
{
	return (struct value){ .v = v };
}

struct value value_copy(const struct value *value)
{
	struct value copy = *value;

	copy.v = json_ref(value->v);
	return copy;
}

static bool in(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i], name) == 0)
			return true;
	return false;
}

bool value_is_map_name(const char *field)
{
	static const char *const names[] = { "Labels", "Label", "Ports", "Networks", "Volumes",
		"ExposedPorts", "PortBindings", "Options", "Annotations", "Sysctls", "Tmpfs",
		"Data", "StorageOpt", "Config.Labels", "Attributes" };

	return in(names, ARRAY_SIZE(names), field);
}

bool value_is_list_name(const char *field)
{
	static const char *const names[] = { "Entrypoint", "Cmd", "Env", "OnBuild", "Shell",
		"Binds", "VolumesFrom", "CapAdd", "CapDrop", "Dns", "DnsOptions", "DnsSearch",
		"ExtraHosts", "GroupAdd", "Links", "SecurityOpt", "ExecIDs", "Ulimits", "Devices",
		"Mounts", "Aliases", "DNSNames", "RepoTags", "RepoDigests", "Layers", "MaskedPaths",
		"ReadonlyPaths", "Args" };

	return in(names, ARRAY_SIZE(names), field);
}

bool value_true(const struct value *value)
{
	switch (json_kind(value->v)) {
	case JSON_NONE:
	case JSON_NIL:
		return false;
	case JSON_BOOLEAN:
		return json_bool(value->v, false);
	case JSON_INT:
		return json_int(value->v, 0) != 0;
	case JSON_STR:
		return json_str(value->v, "")[0] != '\0';
	case JSON_LIST:
	case JSON_MAP:
		return json_len(value->v) > 0;
	case JSON_NUMBER:
		break;
	}
	return true;
}

const char *value_type(const struct value *value)
{
	switch (json_kind(value->v)) {
	case JSON_NONE:
	case JSON_NIL:
		return "nil";
	case JSON_BOOLEAN:
		return "bool";
	case JSON_INT:
		return "int";
	case JSON_NUMBER:
		return "float64";
	case JSON_STR:
		return "string";
	case JSON_LIST:
		return "[]interface {}";
	case JSON_MAP:
		break;
	}
	return "map[string]interface {}";
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const struct json_iter *)a)->key, ((const struct json_iter *)b)->key);
}

static void print_json(const struct json *v, bool inside, struct buf *out);

static void print_map(const struct json *map, struct buf *out)
{
	size_t n = json_len(map), i = 0;
	autofree struct json_iter *items = xcalloc(n + 1, sizeof(*items));

	json_each (it, map)
		if (i < n)
			items[i++] = it;
	qsort(items, i, sizeof(*items), by_key);
	buf_adds(out, "map[");
	for (size_t k = 0; k < i; k++) {
		buf_addf(out, "%s%s:", k ? " " : "", items[k].key);
		print_json(items[k].value, true, out);
	}
	buf_addc(out, ']');
}

static void print_list(const struct json *list, struct buf *out)
{
	const char *sep = "";

	buf_addc(out, '[');
	json_each (it, list) {
		buf_adds(out, sep);
		print_json(it.value, true, out);
		sep = " ";
	}
	buf_addc(out, ']');
}

/* strconv's: the shortest text that reads back as the same number. */
static void print_float(const struct json *v, struct buf *out)
{
	autobuf struct buf exact = BUF_INIT;
	char text[40];
	double number;

	json_write(v, 0, &exact);
	number = strtod(exact.data ? exact.data : "0", NULL);
	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	if (strchr(text, 'e') && number < 1e21 && number > -1e21 && (number >= 1 || number <= -1))
		(void)snprintf(text, sizeof(text), "%.0f", number);
	buf_adds(out, text);
}

static void print_json(const struct json *v, bool inside, struct buf *out)
{
	switch (json_kind(v)) {
	case JSON_NONE:
		buf_adds(out, inside ? "<nil>" : "<no value>");
		return;
	case JSON_NIL:
		buf_adds(out, "<nil>");
		return;
	case JSON_STR:
		buf_adds(out, json_str(v, ""));
		return;
	case JSON_LIST:
		print_list(v, out);
		return;
	case JSON_MAP:
		print_map(v, out);
		return;
	case JSON_NUMBER:
		print_float(v, out);
		return;
	case JSON_BOOLEAN:
	case JSON_INT:
		break;
	}
	json_write(v, 0, out);
}

void value_print(const struct value *value, struct buf *out)
{
	if (value->zero && !value->v)
		return;
	print_json(value->v, false, out);
}

/* Format and direction controls, which Go does not count as printable: they could reorder a line. */
static bool invisible(const unsigned char *s, size_t n)
{
	unsigned c = n == 2   ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu)
		     : n == 3 ? (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu)
			      : 0x10000;

	return (c >= 0x80 && c <= 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

static void quote_wide(const unsigned char *s, size_t n, struct buf *out)
{
	unsigned c = n == 2 ? (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu)
			    : (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);

	buf_addf(out, "\\u%04x", c);
}

/* One character of text, escaped unless it is harmless; returns its length. */
static size_t add_safe(const unsigned char *s, struct buf *out)
{
	size_t n = utf8_length(s, SIZE_MAX);

	if (*s < 0x20 || *s == 0x7f || n == 0)
		buf_addf(out, "\\x%02x", *s);
	else if (n > 1 && invisible(s, n))
		quote_wide(s, n, out);
	else
		buf_add(out, s, n);
	return n ? n : 1;
}

void out_escape(const char *text, struct buf *out)
{
	for (const unsigned char *s = (const unsigned char *)text; *s;)
		s += add_safe(s, out);
}

void value_quote(const char *text, struct buf *out)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";

	buf_addc(out, '"');
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		const char *hit = strchr(from, *s);

		if (hit) {
			buf_addf(out, "\\%c", to[hit - from]);
			s++;
		} else {
			s += add_safe(s, out);
		}
	}
	buf_addc(out, '"');
}

int value_compare(const struct value *a, const struct value *b, int *ret)
{
	enum json_type kind = json_kind(a->v);

	if (kind != json_kind(b->v) ||
		(kind != JSON_STR && kind != JSON_INT && kind != JSON_BOOLEAN))
		return -EINVAL;
	if (kind == JSON_STR) {
		int r = strcmp(json_str(a->v, ""), json_str(b->v, ""));

		*ret = (r > 0) - (r < 0);
	} else if (kind == JSON_INT) {
		int64_t x = json_int(a->v, 0), y = json_int(b->v, 0);

		*ret = (x > y) - (x < y);
	} else {
		*ret = json_bool(a->v, false) != json_bool(b->v, false);
	}
	return 0;
}
