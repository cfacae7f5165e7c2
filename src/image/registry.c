/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to one repository: which server, which header, which reaction to which answer. A mirror
 * that fails in whatever way is passed over; only the origin's verdict counts. Every document is
 * compared with the digest and size that brought us to it before anybody reads it.
 */
#include "image/registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/digest.h"
#include "image/url.h"

#define FAILURES_MAX    5
#define CHALLENGES_MAX  2
#define DAMAGES_MAX     3
#define WAITS_MAX       2
#define RETRY_AFTER_MAX 10 /* seconds we are willing to sit out a 429 */
#define FIRST_DELAY_MS  200
#define DOUBLINGS_MAX   6 /* so the longest is 13 s */
#define MANIFEST_TYPES                                                                          \
	"application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json, "                           \
	"application/vnd.docker.distribution.manifest.v2+json"

void document_done(struct document *document)
{
	buf_done(&document->text);
	*document = (struct document){ 0 };
}

/* ---- life ---- */

static long idle_seconds(void)
{
	const char *text = getenv("SBX_PULL_TIMEOUT");
	char *end;
	long seconds = text && *text ? strtol(text, &end, 10) : 0;

	return seconds > 0 && seconds <= 3600 && !*end ? seconds : 0;
}

static int open_http(const char *config_path, struct http **ret, struct err *err)
{
	const char *slash = config_path ? strrchr(config_path, '/') : NULL;
	autofree char *ca_dir =
		slash ? xasprintf("%.*s/ca", (int)(slash - config_path), config_path) : NULL;
	struct http_config config = { .ca_dir = ca_dir, .idle_seconds = (int)idle_seconds() };

	return http_new(&config, ret, err);
}

/* --authfile: as REGISTRY_AUTH_FILE says it; creds_files() obeys. */
static int apply_authfile(const char *path, struct err *err)
{
	if (access(path, R_OK) < 0 || setenv("REGISTRY_AUTH_FILE", path, 1) < 0)
		return err_sys(err, "read the login file '%s'", path);
	return 0;
}

static void apply_creds(struct server *origin, const char *pair)
{
	const char *colon = strchr(pair, ':');

	origin->creds = (struct creds){ .user = xstrndup(pair, (size_t)(colon - pair)),
		.secret = xstrdup(colon + 1),
		.source = xstrdup("--creds") };
	origin->creds_looked_up = origin->creds_found = origin->creds_given = true;
}

int registry_open(const struct ref *ref, const struct globals *globals,
	const struct server_opts *opts, struct registry **ret, struct err *err)
{
	autoregistry struct registry *registry = xcalloc(1, sizeof(*registry));

	TRY(mirrors_resolve(globals->settings, ref->domain, &registry->endpoints, err));
	if (opts && opts->tls_told)
		mirrors_verify(&registry->endpoints, opts->tls_verify);
	if (opts && opts->authfile)
		TRY(apply_authfile(opts->authfile, err));
	registry->failures_max = opts && opts->retry >= 0 ? (unsigned)opts->retry : FAILURES_MAX;
	TRY(open_http(globals->config, &registry->http, err));
	if (ref->path) {
		registry->path = xstrdup(ref->path);
		registry->familiar = ref_name(ref);
		registry->full_name = xasprintf("%s/%s", ref->domain, ref->path);
	} else {
		registry->familiar = xstrdup(ref->domain);
		registry->full_name = xstrdup(ref->domain);
	}
	registry->servers = xcalloc(registry->endpoints.n, sizeof(*registry->servers));
	for (size_t i = 0; i < registry->endpoints.n; i++) {
		registry->servers[i].endpoint = &registry->endpoints.list[i];
		registry->servers[i].base = xstrdup(registry->endpoints.list[i].base);
	}
	if (opts && opts->creds)
		apply_creds(&registry->servers[registry->endpoints.n - 1], opts->creds);
	TRY(agent_start(&registry->endpoints, registry->path, &registry->agent, err));
	*ret = move_ptr(&registry);
	return 0;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	http_free(registry->http); /* first: transfers borrow from the servers */
	agent_stop(&registry->agent);
	for (size_t i = 0; registry->servers && i < registry->endpoints.n; i++) {
		free(registry->servers[i].base);
		free(registry->servers[i].authorization);
		creds_done(&registry->servers[i].creds);
	}
	free(registry->servers);
	endpoints_done(&registry->endpoints);
	strv_done(&registry->also);
	free(registry->path);
	free(registry->familiar);
	free(registry->full_name);
	free(registry);
}

void registry_free_(struct registry **registry)
{
	registry_free(*registry);
}

/* ---- requests ---- */

char *registry_url(const struct registry *registry, const struct server *server, const char *kind,
	const char *reference)
{
	return xasprintf("%s/v2/%s/%s/%s", server->base, registry->path, kind, reference);
}

void registry_prepare(
	const struct server *server, struct attempt *attempt, struct http_request *ret)
{
	ret->authorization = server->authorization;
	ret->plain_ok = server->endpoint->plain_ok;
	ret->insecure = server->endpoint->insecure;
	attempt->generation = server->generation;
}

/* The first message of the distribution API's error document; "" when the body is none. */
static void error_text(const struct http_reply *reply, char *ret, size_t size)
{
	autojson struct json *doc = NULL;
	struct err ignored = ERR_INIT;
	const struct json *first;

	*ret = '\0';
	if (!reply->body.len || json_parse(reply->body.data, reply->body.len, &doc, &ignored) < 0)
		return;
	first = json_at(json_get(doc, "errors"), 0);
	if (first)
		(void)snprintf(ret, size, ": %.120s", json_str(json_get(first, "message"), ""));
}

static const char *header_or(const struct http_reply *reply, const char *name, const char *fallback)
{
	const char *value = http_reply_header(reply, name);

	return value ? value : fallback;
}

static int rate_limited(
	const struct server *server, const struct http_reply *reply, struct err *err)
{
	const char *limit = header_or(reply, "ratelimit-limit", "");
	const char *source = header_or(reply, "docker-ratelimit-source", "your address");
	const char *after = header_or(reply, "retry-after", "");
	const char *window = strstr(limit, "w=");
	char allows[64] = "fewer requests than came", again[48] = "";

	if (*limit)
		(void)snprintf(allows, sizeof(allows), "%.*s requests per %ld h",
			(int)strcspn(limit, ";"), limit,
			window ? strtol(window + 2, NULL, 10) / 3600 : 6);
	if (*after)
		(void)snprintf(again, sizeof(again), ", try again in %.20s s", after);
	return err_id(err, -EBUSY, "E-RATE",
		"%s allows %s for %.64s, shared by everyone behind it%s. Log in (sbx login %s) or "
		"configure a mirror (\"registries\" in config.json)",
		server->endpoint->login_host, allows, source, again, server->endpoint->login_host);
}

/* Milliseconds before the next try, or -1 when there were enough. */
static int delay(const struct registry *registry, struct attempt *attempt)
{
	int ms = attempt->failures < DOUBLINGS_MAX ? FIRST_DELAY_MS << attempt->failures
						   : FIRST_DELAY_MS << DOUBLINGS_MAX;

	if (attempt->failures >= registry->failures_max)
		return -1;
	attempt->failures++;
	return ms;
}

static int react_to_rate(struct server *server, struct attempt *attempt,
	const struct http_reply *reply, struct err *err)
{
	const char *after = http_reply_header(reply, "retry-after");
	long seconds = after && *after >= '0' && *after <= '9' ? strtol(after, NULL, 10) : -1;

	if (seconds < 0 || seconds > RETRY_AFTER_MAX || attempt->waits++ >= WAITS_MAX)
		return rate_limited(server, reply, err);
	return (int)seconds * 1000 + 50;
}

static int react_to_401(struct registry *registry, struct server *server, struct attempt *attempt,
	const struct http_reply *reply, struct err *err)
{
	if (attempt->generation != server->generation)
		return 0; /* somebody has answered meanwhile: try with the new header */
	if (++attempt->challenges > CHALLENGES_MAX)
		return login_denied(registry, server, err);
	TRY(login_answer(registry, server, reply, err));
	return 0;
}

/* Where the scheme is a guess (loopback, or marked insecure) the other one is tried, once. */
static bool switch_scheme(struct server *server, long status, int result)
{
	bool tls = strncmp(server->base, "https://", 8) == 0;
	bool wrong = tls ? result == -EPROTONOSUPPORT || result == -ENETUNREACH ||
				     result == -ECONNRESET || result == -ETIMEDOUT
			 : status == 400 || result == -ECONNRESET || result == -EIO;
	char *other;

	if (!wrong || !server->endpoint->either || server->switched || server->reached)
		return false;
	other = xasprintf("%s%s", tls ? "http://" : "https://", server->base + (tls ? 8 : 7));
	free(server->base);
	server->base = other;
	server->switched = true;
	return true;
}

int registry_react(struct registry *registry, struct server *server, struct attempt *attempt,
	const struct http_reply *reply, struct err *err)
{
	char why[160];
	int ms;

	if (!reply) {
		if (switch_scheme(server, 0, err->code))
			return 0;
		ms = http_is_transient(err->code) || (server->reached && err->code == -ENETUNREACH)
			     ? delay(registry, attempt)
			     : -1;
		return ms < 0 ? err->code : ms;
	}
	if ((!reply->body.len || *reply->body.data != '{') &&
		switch_scheme(server, reply->status, 0))
		return 0; /* "you speak plain http to a TLS port" comes as a web page or text */
	if (reply->status == 401)
		return react_to_401(registry, server, attempt, reply, err);
	if (reply->status == 429)
		return react_to_rate(server, attempt, reply, err);
	ms = reply->status >= 500 || reply->status == 408 ? delay(registry, attempt) : -1;
	if (ms >= 0)
		return ms;
	if (reply->status == 403)
		return login_denied(registry, server, err);
	error_text(reply, why, sizeof(why));
	return err_set(err, reply->status == 404 ? -ENOENT : -EIO, "%s answered %ld%s",
		server->base, reply->status, why);
}

/* ---- documents ---- */

static void pause_ms(int ms)
{
	struct timespec wait = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&wait, &wait) < 0 && errno == EINTR)
		;
}

static int get(struct registry *registry, struct server *server, const struct wanted *wanted,
	struct http_reply *ret, struct err *err)
{
	struct attempt attempt = { 0 };

	for (;;) {
		autofree char *url = registry_url(
			registry, server, wanted->kind, wanted->reference);
		autoreply struct http_reply reply = { 0 };
		struct http_request request = { .url = url, .max_body = wanted->max };
		int r;

		if (strcmp(wanted->kind, "manifests") == 0)
			request.accept = MANIFEST_TYPES;
		registry_prepare(server, &attempt, &request);
		r = http_get(registry->http, &request, &reply, err);
		if (r == 0 && reply.status == 200) {
			*ret = reply;
			reply = (struct http_reply){ 0 };
			return 0;
		}
		r = registry_react(registry, server, &attempt, r < 0 ? NULL : &reply, err);
		TRY(r);
		pause_ms(r);
	}
}

int registry_read(struct registry *registry, struct server *server, const char *path, size_t max,
	struct http_reply *ret, struct err *err)
{
	struct attempt attempt = { 0 };

	for (;;) {
		autofree char *url = xasprintf("%s%s", server->base, path);
		autoreply struct http_reply reply = { 0 };
		struct http_request request = { .url = url, .max_body = max };
		int r;

		registry_prepare(server, &attempt, &request);
		r = http_get(registry->http, &request, &reply, err);
		if (r == 0 && reply.status == 200) {
			server->reached = server->accepted = true;
			*ret = reply;
			reply = (struct http_reply){ 0 };
			return 0;
		}
		r = registry_react(registry, server, &attempt, r < 0 ? NULL : &reply, err);
		TRY(r);
		pause_ms(r);
	}
}

static int damaged(const struct server *server, const struct wanted *wanted, size_t len,
	const char *digest, struct err *err)
{
	return err_id(err, -EBADMSG, "E-DIGEST",
		"%s from %s arrived damaged: %zu bytes with digest %.19s… instead of %s. Kept nothing, tried "
		"%d times",
		wanted->reference, server->base, len, digest,
		wanted->digest ? wanted->digest : "announced", DAMAGES_MAX);
}

static int digest_of(
	const struct buf *text, const char *like, char ret[DIGEST_MAX], struct err *err)
{
	autodigester struct digester *digester = NULL;

	TRY(digester_new(like, &digester, err));
	digester_update(digester, text->data, text->len);
	digester_final(digester, ret);
	return 0;
}

/* Takes the reply's body if it is what was wanted. */
static int verify(const struct server *server, const struct wanted *wanted,
	struct http_reply *reply, struct document *ret, struct err *err)
{
	const char *announced = http_reply_header(reply, "docker-content-digest");
	const char *want = wanted->digest ? wanted->digest : announced, *type;
	struct document document = { 0 };

	if (want && !digest_valid(want))
		return err_set(err, -EINVAL, "%s announces a malformed digest: '%.100s'",
			server->base, want);
	TRY(digest_of(&reply->body, want, document.digest, err));
	if ((want && strcmp(document.digest, want) != 0) ||
		(wanted->size >= 0 && (size_t)wanted->size != reply->body.len))
		return damaged(server, wanted, reply->body.len, document.digest, err);
	type = header_or(reply, "content-type", "");
	(void)snprintf(document.content_type, sizeof(document.content_type), "%.*s",
		(int)strcspn(type, "; \t"), type);
	document.text = reply->body;
	reply->body = (struct buf){ 0 };
	*ret = document;
	return 0;
}

static int fetch_from(struct registry *registry, struct server *server, const struct wanted *wanted,
	struct document *ret, struct err *err)
{
	int r = 0;

	for (unsigned i = 0; i < DAMAGES_MAX; i++) {
		autoreply struct http_reply reply = { 0 };

		r = get(registry, server, wanted, &reply, err);
		if (r < 0)
			break;
		r = verify(server, wanted, &reply, ret, err);
		if (r != -EBADMSG)
			break;
	}
	if (r == 0) {
		server->reached = server->accepted = true;
		login_tell_stale(server);
	}
	if (r == -ENOENT && strcmp(wanted->kind, "manifests") == 0 && !server->endpoint->mirror)
		return suggest_name(registry, server, wanted->reference, err);
	return r;
}

static void pass_over(const struct server *server, const struct err *why, struct buf *notes)
{
	bool missing = why->code == -ENOENT || why->code == -EACCES;

	log_msg(missing ? LOG_DEBUG : LOG_WARN, "mirror %s: %s", server->base, why->text);
	buf_addf(
		notes, ". The mirror %s %s", server->base, missing ? "does not have it" : "failed");
}

int registry_fetch(struct registry *registry, const struct wanted *wanted, struct document *ret,
	struct err *err)
{
	autobuf struct buf notes = BUF_INIT;
	size_t len;

	for (size_t i = registry->current; i < registry->endpoints.n; i++) {
		struct server *server = &registry->servers[i];

		if (fetch_from(registry, server, wanted, ret, err) == 0) {
			registry->current = i;
			return 0;
		}
		if (i + 1 < registry->endpoints.n)
			pass_over(server, err, &notes);
	}
	len = strlen(err->text);
	if (notes.len)
		(void)snprintf(err->text + len, sizeof(err->text) - len, "%s", notes.data);
	return err->code;
}
