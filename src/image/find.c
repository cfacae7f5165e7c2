/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx search` and `sbx manifest inspect`: sbx-image search LIMIT TERM prints a JSON list of {"name",
 * "description", "stars", "official"}. Docker Hub has an API for it; of other registries the catalogue
 * is read, where names are all there is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/parcel.h"
#include "image/registry.h"
#include "image/url.h"

#define ANSWER_MAX   ((size_t)4 << 20)
#define MANIFEST_MAX ((size_t)4 << 20)
#define HUB          "https://index.docker.io"

struct search {
	struct registry *registry;
	const char *host; /* NULL = Docker Hub */
	const char *term;
	long limit;
	struct json *found;
};

/* "host.example/term" asks that host; "team/term" does not. Docker's rule. */
static char *host_of(const char *term, const char **ret_rest)
{
	size_t n = strcspn(term, "/");
	autofree char *first = xstrndup(term, n);

	*ret_rest = term;
	if (!term[n] || (!strpbrk(first, ".:") && strcmp(first, "localhost") != 0))
		return NULL;
	*ret_rest = term + n + 1;
	return strcmp(first, "docker.io") == 0 ? NULL : move_ptr(&first);
}

static void add(struct search *s, const char *name, const struct json *more)
{
	struct json *row = json_new_map();

	if (json_len(s->found) >= (size_t)s->limit) {
		json_free(row);
		return;
	}
	json_put_string(row, "name", name);
	json_put_string(row, "description", json_str(json_get(more, "description"), ""));
	json_put_int(row, "stars", json_int(json_get(more, "star_count"), 0));
	json_put_bool(row, "official", json_bool(json_get(more, "is_official"), false));
	json_push(s->found, row);
}

/* Docker's search API, version 1. */
static int ask_index(struct search *s, struct server *server, struct err *err)
{
	autofree char *term = url_encode(s->term);
	autofree char *path = xasprintf("/v1/search?q=%s&n=%ld", term, s->limit);
	autoreply struct http_reply reply = { 0 };
	autojson struct json *doc = NULL;

	TRY(registry_read(s->registry, server, path, ANSWER_MAX, &reply, err));
	if (json_parse(reply.body.data ? reply.body.data : "", reply.body.len, &doc, err) < 0)
		return err_wrap(err, "the answer of %s", server->base);
	if (json_kind(json_get(doc, "results")) != JSON_LIST)
		return err_set(err, -ENOENT, "%s answered without a list", server->base);
	json_each (it, json_get(doc, "results")) {
		const char *name = json_str(json_get(it.value, "name"), NULL);

		if (name)
			add(s, name, it.value);
	}
	return 0;
}

static int ask_catalog(struct search *s, struct server *server, struct err *err)
{
	autostrv struct strv names = STRV_INIT;

	TRY(registry_list(s->registry, server, "/v2/_catalog?n=1000", "repositories", &names, err));
	strv_each (name, &names) {
		bool official = !s->host && strncmp(*name, "library/", 8) == 0;
		autofree char *full = s->host ? xasprintf("%s/%s", s->host, *name)
					      : xstrdup(*name + (official ? 8 : 0));

		if (strstr(*name, s->term))
			add(s, full, NULL);
	}
	return 0;
}

static bool is_hub(const struct search *s, size_t at)
{
	return !s->host && at == s->registry->endpoints.n - 1;
}

/* The first server that can answer. */
static int ask(struct search *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->registry->endpoints.n; i++) {
		struct server *server = &s->registry->servers[i];

		if (is_hub(s, i)) {
			free(server->base);
			server->base = xstrdup(HUB);
		}
		r = ask_index(s, server, err);
		if (r < 0 && !is_hub(s, i))
			r = ask_catalog(s, server, err);
		if (r >= 0)
			return 0;
		log_msg(LOG_DEBUG, "search at %s: %s", server->base, err->text);
	}
	return err_wrap(err, "search for '%.100s'", s->term);
}

static int print(const struct json *doc, int indent)
{
	autobuf struct buf text = BUF_INIT;

	json_write(doc, indent, &text);
	(void)printf("%s\n", text.data); /* main checks stdout */
	return 0;
}

int search_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	autojson struct json *found = json_new_list();
	autoregistry struct registry *registry = NULL;
	struct search s = { .found = found };
	autofree char *host = NULL, *domain = NULL;
	struct ref ref = { 0 };

	if (argc != 3)
		return err_set(err, -EINVAL, "usage: sbx-image search LIMIT TERM");
	s.limit = strtol(argv[1], NULL, 10);
	s.host = host = host_of(argv[2], &s.term);
	if (!*s.term)
		return err_set(err, -EINVAL, "'%.100s' has no term to search for", argv[2]);
	ref.domain = domain = xstrdup(host ? host : "docker.io");
	TRY(registry_open(&ref, globals, NULL, &registry, err));
	TRY(confined_registry(NULL, err));
	s.registry = registry;
	TRY(ask(&s, err));
	return print(found, 0);
}
