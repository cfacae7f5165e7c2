/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The few lines of JSON that the API socket takes. A reader of its own, because base/json.h dies without
 * memory and this process must not. Allocates nothing; deeper than DEPTH_MAX is refused.
 */
#include "netstack/alone.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16

struct reader {
	const char *at, *end;
	struct alone_request *ret;
	const char *key; /* of the value that comes next, when it is one of ours */
	int depth;
	bool arguments; /* inside "arguments" */
};

static void skip_space(struct reader *r)
{
	while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
		r->at++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->at >= r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

/* Into text, cut when too long; escapes but \u are resolved, \u stays a '?', which no value of ours has. */
static bool read_string(struct reader *r, char *text, size_t size)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	size_t n = 0;

	if (!take(r, '"'))
		return false;
	while (r->at < r->end && *r->at != '"') {
		char c = *r->at++;

		if ((unsigned char)c < 0x20)
			return false;
		if (c == '\\') {
			const char *known;

			if (r->at >= r->end || !*r->at)
				return false;
			known = strchr(from, *r->at);
			if (!known && *r->at != 'u')
				return false;
			c = known ? to[known - from] : '?';
			r->at++;
		}
		if (n + 1 < size)
			text[n++] = c;
	}
	text[n] = '\0';
	return r->at < r->end && *r->at++ == '"';
}

static void keep_text(struct reader *r, const char *key, const char *value)
{
	const struct {
		const char *key;
		bool argument;
		char *to;
		size_t size;
	} fields[] = {
		{ "execute", false, r->ret->execute, sizeof(r->ret->execute) },
		{ "proto", true, r->ret->proto, sizeof(r->ret->proto) },
		{ "host_addr", true, r->ret->host_addr, sizeof(r->ret->host_addr) },
		{ "guest_addr", true, r->ret->guest_addr, sizeof(r->ret->guest_addr) },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t len = strlen(value);

		if (strcmp(key, fields[i].key) != 0 || fields[i].argument != r->arguments ||
			r->depth != 1 + fields[i].argument)
			continue;
		if (len >= fields[i].size)
			len = fields[i].size - 1;
		memcpy(fields[i].to, value, len);
		fields[i].to[len] = '\0';
		if (i == 0)
			r->ret->has_execute = true;
	}
}

static void keep_number(struct reader *r, const char *key, long value)
{
	if (!r->arguments || r->depth != 2)
		return;
	if (strcmp(key, "host_port") == 0)
		r->ret->host_port = value;
	else if (strcmp(key, "guest_port") == 0)
		r->ret->guest_port = value;
	else if (strcmp(key, "id") == 0)
		r->ret->id = value;
}

static bool read_number(struct reader *r, const char *key)
{
	const char *start = r->at;
	bool negative = *r->at == '-';
	long value = 0;

	r->at += negative;
	while (r->at < r->end && isdigit((unsigned char)*r->at)) {
		value = value > 1000000000 ? value : value * 10 + (*r->at - '0');
		r->at++;
	}
	if (r->at == start + negative)
		return false;
	while (r->at < r->end && *r->at && strchr("0123456789.eE+-", *r->at))
		r->at++;
	keep_number(r, key, negative ? -value : value);
	return true;
}

static bool read_word(struct reader *r)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(r->end - r->at) >= len && memcmp(r->at, words[i], len) == 0) {
			r->at += len;
			return true;
		}
	}
	return false;
}

static bool read_value(struct reader *r, const char *key);

static bool read_member(struct reader *r)
{
	char key[64];

	return read_string(r, key, sizeof(key)) && take(r, ':') && read_value(r, key);
}

/* What is between { and }, or [ and ]. */
static bool read_group(struct reader *r, const char *key, char close)
{
	bool outer = r->arguments, ok = false;

	if (++r->depth > DEPTH_MAX)
		return false;
	r->arguments = outer || (close == '}' && r->depth == 2 && !strcmp(key, "arguments"));
	if (take(r, close)) {
		ok = true;
	} else {
		do {
			ok = close == '}' ? read_member(r) : read_value(r, "");
		} while (ok && take(r, ','));
		ok = ok && take(r, close);
	}
	r->depth--;
	r->arguments = outer;
	return ok;
}

static bool read_value(struct reader *r, const char *key)
{
	char text[128];

	skip_space(r);
	if (r->at >= r->end)
		return false;
	switch (*r->at) {
	case '{':
		r->at++;
		r->ret->is_object |= r->depth == 0;
		return read_group(r, key, '}');
	case '[':
		r->at++;
		return read_group(r, key, ']');
	case '"':
		if (!read_string(r, text, sizeof(text)))
			return false;
		keep_text(r, key, text);
		return true;
	case 't':
	case 'f':
	case 'n':
		return read_word(r);
	default:
		return read_number(r, key);
	}
}

int alone_request_parse(const char *text, size_t len, struct alone_request *ret)
{
	struct alone_request request = { .host_port = -1, .guest_port = -1, .id = -1 };
	struct reader r = { .at = text, .end = text + len, .ret = &request };

	if (!read_value(&r, ""))
		return -EINVAL;
	skip_space(&r);
	if (r.at != r.end || !request.is_object)
		return -EINVAL;
	*ret = request;
	return 0;
}
