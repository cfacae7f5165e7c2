/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "Not found" with a way on: registries answer 404 for a wrong tag and for a wrong repository alike,
 * so the tag list is asked which of both it is. What is offered is only read out, never pulled.
 */
#include "image/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "base/xalloc.h"

#define LIST_BYTES_MAX ((size_t)1 << 20)
#define NEAR_ENOUGH    3
#define NAME_MAX_LEN   64

/* Levenshtein distance of two short names; long ones count as far apart. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], n = strlen(a), m = strlen(b);

	if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t change = corner + (a[i - 1] != b[j - 1]);
			size_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;

			corner = row[j];
			row[j] = change < best ? change : best;
		}
	}
	return row[m];
}

/* Borrowed from list; NULL when nothing is near. */
static const char *nearest(const struct json *list, const char *name)
{
	const char *best = NULL;
	size_t least = NEAR_ENOUGH;

	json_each (it, list) {
		const char *candidate = json_str(it.value, "");
		size_t d = distance(name, candidate);

		if (*candidate && d < least) {
			least = d;
			best = candidate;
		}
	}
	return best;
}

/* GET base/path; the parsed answer, or NULL for anything but a 200 with JSON. */
static struct json *ask(struct registry *registry, struct server *server, const char *path)
{
	autofree char *url = xasprintf("%s/v2/%s", server->base, path);
	autoreply struct http_reply reply = { 0 };
	struct http_request request = { .url = url, .max_body = LIST_BYTES_MAX };
	struct attempt attempt = { 0 };
	struct json *doc = NULL;
	struct err ignored = ERR_INIT;

	registry_prepare(server, &attempt, &request);
	if (http_get(registry->http, &request, &reply, &ignored) < 0 || reply.status != 200 ||
		!reply.body.len || json_parse(reply.body.data, reply.body.len, &doc, &ignored) < 0)
		return NULL;
	return doc;
}

static int no_tag(const struct registry *registry, const char *reference, const struct json *tags,
	struct err *err)
{
	const char *near = nearest(tags, reference);

	if (!near && json_len(tags) > 0)
		near = json_str(json_at(tags, json_len(tags) - 1), NULL);
	return err_id(err, -ENOENT, "E-IMAGE-NAME",
		"manifest for %s%c%s not found: manifest unknown%s%.64s%s", registry->familiar,
		strchr(reference, ':') ? '@' : ':', reference, near ? ". Did you mean tag '" : "",
		near ? near : "", near ? "'?" : "");
}

int suggest_name(
	struct registry *registry, struct server *server, const char *reference, struct err *err)
{
	autofree char *path = xasprintf("%s/tags/list?n=1000", registry->path);
	autojson struct json *tags = ask(registry, server, path), *catalog = NULL;
	const char *near;

	if (tags && json_len(json_get(tags, "tags")) > 0)
		return no_tag(registry, reference, json_get(tags, "tags"), err);
	catalog = ask(registry, server, "_catalog?n=1000");
	near = nearest(json_get(catalog, "repositories"), registry->path);
	return err_id(err, -ENOENT, "E-IMAGE-NAME", "no such repository: %s%s%.80s%s",
		registry->full_name, near ? ". Did you mean '" : "", near ? near : "",
		near ? "'?" : "");
}
