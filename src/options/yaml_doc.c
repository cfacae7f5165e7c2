/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over libyaml's events. Invariant: what it builds has at most DEPTH_MAX levels, so that freeing
 * it does not run out of stack either.
 */
#include "options/yaml_doc.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/own.h"
#include "base/xalloc.h"

#define DEPTH_MAX 64

struct reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the current one; owned */
	int depth;
};

static void reader_done(struct reader *reader)
{
	yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
}

static int refuse(const struct reader *reader, const char *what, struct err *err)
{
	return err_set(err, -EINVAL, "line %zu: %s", reader->event.start_mark.line + 1, what);
}

static int next(struct reader *reader, struct err *err)
{
	yaml_event_delete(&reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		return err_set(err, -EINVAL, "line %zu: %s", reader->parser.problem_mark.line + 1,
			reader->parser.problem ? reader->parser.problem : "no YAML");
	return 0;
}

static bool among(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words) != 0)
		words++;
	return *words != NULL;
}

static bool integer(const char *text, long long *ret)
{
	int base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 10;
	const char *digits = base == 10 ? text + (*text == '-' || *text == '+') : text + 2;
	char *end;

	if (!isxdigit((unsigned char)*digits)) /* strtoll() would take blanks and a second sign */
		return false;
	errno = 0;
	*ret = strtoll(base == 10 ? text : digits, &end, base);
	return !errno && !*end && end > digits;
}

/* YAML 1.2, 10.3.2, without floating point, which nothing here has a use for. */
static struct json *plain(const char *text)
{
	static const char *const null[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const yes[] = { "true", "True", "TRUE", NULL };
	static const char *const no[] = { "false", "False", "FALSE", NULL };
	long long n;

	if (among(text, null))
		return json_new_null();
	if (among(text, yes) || among(text, no))
		return json_new_bool(among(text, yes));
	return integer(text, &n) ? json_new_int(n) : json_new_string(text);
}

static int scalar(const struct reader *reader, struct json **ret, struct err *err)
{
	const char *text = (const char *)reader->event.data.scalar.value;

	if (strlen(text) != reader->event.data.scalar.length)
		return refuse(reader, "a NUL byte", err);
	*ret = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain(text)
									  : json_new_string(text);
	return 0;
}

static int node(struct reader *reader, struct json **ret, struct err *err);

static int list(struct reader *reader, struct json **ret, struct err *err)
{
	autojson struct json *out = json_new_list();

	for (;;) {
		struct json *value = NULL;

		TRY(next(reader, err));
		if (reader->event.type == YAML_SEQUENCE_END_EVENT)
			break;
		TRY(node(reader, &value, err));
		json_push(out, value);
	}
	*ret = move_ptr(&out);
	return 0;
}

static int map(struct reader *reader, struct json **ret, struct err *err)
{
	autojson struct json *out = json_new_map();

	for (;;) {
		autofree char *key = NULL;
		struct json *value = NULL;

		TRY(next(reader, err));
		if (reader->event.type == YAML_MAPPING_END_EVENT)
			break;
		if (reader->event.type != YAML_SCALAR_EVENT || reader->event.data.scalar.anchor)
			return refuse(reader, "a key that is no word", err);
		key = xstrdup((const char *)reader->event.data.scalar.value);
		if (json_get(out, key))
			return refuse(reader, "a key that was there before", err);
		TRY(next(reader, err));
		TRY(node(reader, &value, err));
		json_put(out, key, value);
	}
	*ret = move_ptr(&out);
	return 0;
}

/* The current event and what belongs to it. */
static int node(struct reader *reader, struct json **ret, struct err *err)
{
	const yaml_event_t *event = &reader->event;
	int r;

	if (event->type == YAML_ALIAS_EVENT ||
		(event->type == YAML_SCALAR_EVENT &&
			(event->data.scalar.anchor || event->data.scalar.tag)) ||
		(event->type == YAML_SEQUENCE_START_EVENT &&
			(event->data.sequence_start.anchor || event->data.sequence_start.tag)) ||
		(event->type == YAML_MAPPING_START_EVENT &&
			(event->data.mapping_start.anchor || event->data.mapping_start.tag)))
		return refuse(reader, "anchors, aliases and tags are not taken", err);
	if (event->type == YAML_SCALAR_EVENT)
		return scalar(reader, ret, err);
	if (++reader->depth > DEPTH_MAX)
		return refuse(reader, "more than 64 levels", err);
	r = event->type == YAML_MAPPING_START_EVENT ? map(reader, ret, err)
						    : list(reader, ret, err);
	reader->depth--;
	return r;
}

int yaml_parse(const char *text, size_t len, struct json **ret, struct err *err)
{
	struct reader reader __attribute__((cleanup(reader_done))) = { .depth = 0 };
	autojson struct json *out = NULL;

	if (!yaml_parser_initialize(&reader.parser))
		return err_set(err, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	TRY(next(&reader, err)); /* the stream */
	TRY(next(&reader, err));
	if (reader.event.type != YAML_DOCUMENT_START_EVENT)
		return refuse(&reader, "there is no document", err);
	TRY(next(&reader, err));
	TRY(node(&reader, &out, err));
	TRY(next(&reader, err)); /* the document's end */
	TRY(next(&reader, err));
	if (reader.event.type != YAML_STREAM_END_EVENT)
		return refuse(&reader, "more than one document", err);
	*ret = move_ptr(&out);
	return 0;
}
