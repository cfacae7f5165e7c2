/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists that a registry gives in pages. The next page's address comes from the registry, so it must be
 * on the same server, and there is an end to how many are asked for.
 */
#include "image/registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/url.h"

#define PAGE_BYTES_MAX ((size_t)8 << 20)
#define PAGES_MAX      1000
#define ITEMS_MAX      1000000

int registry_next_page(
	const char *base, const char *from, const char *link, char **ret, struct err *err)
{
	const char *end = link && *link == '<' ? strchr(link, '>') : NULL;
	autofree char *inner = NULL, *url = NULL;
	struct url ours, target;

	*ret = NULL;
	if (!end || !strstr(end, "next"))
		return 0;
	inner = xstrndup(link + 1, (size_t)(end - link - 1));
	url = http_resolve(from, inner);
	if (!url || url_parse(url, &target, err) < 0 || url_parse(base, &ours, err) < 0)
		return err_set(err, -EINVAL, "%s names a next page that is no address", base);
	if (!url_same_origin(&ours, &target) || strncmp(url, base, strlen(base)) != 0)
		return err_set(err, -EPERM,
			"%s names a next page on another server (%.100s): refused", base, url);
	*ret = xstrdup(url + strlen(base));
	return 0;
}

static int take_page(const struct server *server, const struct http_reply *reply, const char *key,
	struct strv *ret, struct err *err)
{
	autojson struct json *doc = NULL;

	if (json_parse(reply->body.data ? reply->body.data : "", reply->body.len, &doc, err) < 0)
		return err_wrap(err, "the list from %s", server->base);
	json_strv(json_get(doc, key), ret);
	if (ret->n > ITEMS_MAX)
		return err_set(err, -E2BIG, "%s lists more than %d names", server->base, ITEMS_MAX);
	return 0;
}

int registry_list(struct registry *registry, struct server *server, const char *path,
	const char *key, struct strv *ret, struct err *err)
{
	autofree char *at = xstrdup(path);

	for (unsigned page = 0; at; page++) {
		autoreply struct http_reply reply = { 0 };
		autofree char *next = NULL;

		if (page >= PAGES_MAX)
			return err_set(err, -ELOOP, "%s gives more than %d pages: refused",
				server->base, PAGES_MAX);
		TRY(registry_read(registry, server, at, PAGE_BYTES_MAX, &reply, err));
		TRY(take_page(server, &reply, key, ret, err));
		TRY(registry_next_page(
			server->base, reply.url, http_reply_header(&reply, "link"), &next, err));
		if (next && strcmp(next, at) == 0)
			return err_set(err, -ELOOP, "%s gives the same page again and again",
				server->base);
		free(at);
		at = move_ptr(&next);
	}
	return 0;
}

int registry_list_any(struct registry *registry, const char *path, const char *key,
	struct strv *ret, struct err *err)
{
	int r = -ENOENT; /* there is at least the origin */

	for (size_t i = 0; i < registry->endpoints.n; i++) {
		autostrv struct strv found = STRV_INIT;

		r = registry_list(registry, &registry->servers[i], path, key, &found, err);
		if (r < 0)
			continue; /* the origin's verdict is the last */
		registry->current = i;
		strv_extend(ret, &found);
		return 0;
	}
	return r;
}
