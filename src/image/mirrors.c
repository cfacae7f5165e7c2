/* SPDX-License-Identifier: Apache-2.0 */
/*
 * {"registries": {"docker.io": {"mirrors": ["http://127.0.0.1:5000"], "insecure": false,
 *                               "authRealms": ["login.example.com"]}}}
 *
 * Plain http is never guessed: a mirror is spoken to as its URL says, an origin when it is marked
 * insecure or is a literal loopback address. Unknown keys are refused, because a misspelt
 * "insecure" or "mirrors" that is silently ignored sends people's traffic elsewhere.
 */
#include "image/mirrors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/url.h"

void endpoints_done(struct endpoints *endpoints)
{
	for (size_t i = 0; i < endpoints->n; i++) {
		free(endpoints->list[i].base);
		free(endpoints->list[i].login_host);
		strv_done(&endpoints->list[i].realms);
	}
	free(endpoints->list);
	*endpoints = (struct endpoints){ 0 };
}

static struct endpoint *add_endpoint(struct endpoints *endpoints, struct endpoint adopt)
{
	endpoints->list = xreallocarray(endpoints->list, endpoints->n + 1, sizeof(adopt));
	endpoints->list[endpoints->n] = adopt;
	return &endpoints->list[endpoints->n++];
}

static int add_mirror(struct endpoints *endpoints, const char *base, bool insecure, struct err *err)
{
	size_t len = strlen(base);
	struct url url;

	TRY(url_parse(base, &url, err));
	if (strpbrk(base, "?#"))
		return err_set(err, -EINVAL, "'%s' must end with the path", base);
	while (len > 0 && base[len - 1] == '/')
		len--;
	add_endpoint(endpoints, (struct endpoint){
					.base = xasprintf("%.*s", (int)len, base),
					.login_host = xstrdup(url.authority),
					.insecure = insecure,
					.plain_ok = !url.https,
					.mirror = true,
				});
	return 0;
}

/* Loopback registries speak plain http nearly always, and a plain server may wait for ever when it is
 * greeted in TLS, so they are asked in http first. All others: https first. */
static int add_origin(
	struct endpoints *endpoints, const char *domain, bool insecure, struct err *err)
{
	const char *host = strcmp(domain, "docker.io") == 0 ? "registry-1.docker.io" : domain;
	autofree char *base = xasprintf("https://%s", host);
	struct url url;
	bool loopback;

	TRY(url_parse(base, &url, err));
	loopback = url_is_loopback(&url);
	add_endpoint(endpoints,
		(struct endpoint){
			.base = loopback ? xasprintf("http://%s", host) : move_ptr(&base),
			.login_host = xstrdup(domain),
			.insecure = insecure,
			.plain_ok = insecure || loopback,
			.either = insecure || loopback,
		});
	return 0;
}

static int check_list(const struct json *list, const char *key, struct err *err)
{
	if (list && json_kind(list) != JSON_LIST)
		return err_set(err, -EINVAL, "\"%s\" must be a list", key);
	json_each (it, list)
		if (json_kind(it.value) != JSON_STR)
			return err_set(err, -EINVAL, "\"%s\" must hold strings", key);
	return 0;
}

static int check_entry(const struct json *entry, struct err *err)
{
	static const char *const known[] = { "mirrors", "insecure", "authRealms" };

	if (entry && json_kind(entry) != JSON_MAP)
		return err_set(err, -EINVAL, "must be an object");
	json_each (it, entry) {
		bool ok = false;

		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			ok |= strcmp(it.key, known[i]) == 0;
		if (!ok)
			return err_set(err, -EINVAL, "unknown key \"%s\"", it.key);
	}
	if (json_get(entry, "insecure") && json_kind(json_get(entry, "insecure")) != JSON_BOOLEAN)
		return err_set(err, -EINVAL, "\"insecure\" must be true or false");
	TRY(check_list(json_get(entry, "authRealms"), "authRealms", err));
	return check_list(json_get(entry, "mirrors"), "mirrors", err);
}

static int fill(
	const struct json *entry, const char *domain, struct endpoints *ret, struct err *err)
{
	bool insecure = json_bool(json_get(entry, "insecure"), false);

	TRY(check_entry(entry, err));
	json_each (it, json_get(entry, "mirrors"))
		if (add_mirror(ret, json_str(it.value, ""), insecure, err) < 0)
			return err_wrap(err, "\"mirrors\"");
	TRY(add_origin(ret, domain, insecure, err));
	for (size_t i = 0; i < ret->n; i++)
		json_strv(json_get(entry, "authRealms"), &ret->list[i].realms);
	return 0;
}

int mirrors_resolve(
	const struct json *settings, const char *domain, struct endpoints *ret, struct err *err)
{
	const struct json *registries = json_get(settings, "registries");
	autoendpoints struct endpoints found = { 0 };

	if (registries && json_kind(registries) != JSON_MAP)
		return err_set(err, -EINVAL, "config file: \"registries\" must be an object");
	if (fill(json_get(registries, domain), domain, &found, err) < 0)
		return err_wrap(err, "config file: \"registries\".\"%s\"", domain);
	*ret = found;
	found = (struct endpoints){ 0 };
	return 0;
}

void mirrors_verify(struct endpoints *endpoints, bool verify)
{
	for (size_t i = 0; i < endpoints->n; i++) {
		struct endpoint *e = &endpoints->list[i];

		e->insecure = !verify;
		if (e->mirror)
			continue; /* its scheme is what the configuration says */
		e->plain_ok = e->either = !verify;
		if (verify && strncmp(e->base, "http://", 7) == 0) {
			char *base = xasprintf("https://%s", e->base + 7);

			free(e->base);
			e->base = base;
		}
	}
}
