/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx push`: blobs first, the manifest last, to the registry itself and never to a mirror. A blob
 * that is there is skipped, one that another repository of the registry has is mounted. The place
 * for an upload is named by the server: another origin never gets our authorization, and plain http
 * there is refused.
 */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/outfile.h"
#include "image/registry.h"
#include "image/store_private.h"
#include "image/url.h"

#define CHUNK      ((int64_t)8 << 20)
#define REPLY_MAX  65536
#define OCTETS     "application/octet-stream"
#define STARTS_MAX 6 /* uploads of one blob that may be begun */

#define SCOPES_MAX 8 /* repositories to mount from: their names are part of an address */

struct push {
	struct store store;
	struct json *index;
	struct found image;
	struct ref ref;
	struct registry *registry;
	struct server *server; /* the registry itself */
	struct push_opts opts;
	char **sources; /* one per layer of image */
	size_t n_sources;
	unsigned n_digests; /* in the next */
	struct outfile
		digests; /* --digestfile, opened before the network is; there when all is sent */
};

static void forget_sources(struct push *p)
{
	for (size_t i = 0; i < p->n_sources; i++)
		free(p->sources[i]);
	free(p->sources);
	p->sources = NULL;
	p->n_sources = 0;
}

static void push_done(struct push *p)
{
	forget_sources(p);
	registry_free(p->registry);
	ref_done(&p->ref);
	found_done(&p->image);
	json_free(p->index);
	push_opts_done(&p->opts);
	outfile_done(&p->digests);
	store_done(&p->store);
}

static void say(const struct push *p, const char *digest, const char *what)
{
	if (!p->opts.quiet)
		(void)printf("%.12s: %s\n", digest + 7, what); /* main checks stdout */
}

static void wait_ms(int ms)
{
	struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* One request and its reply. 0: *ret has one; 1: try again (waited already). */
static int ask(struct push *p, struct http_request *request, struct attempt *attempt,
	struct http_reply *ret, struct err *err)
{
	bool foreign = request->no_redirect; /* set for uploads to another origin */
	int r;

	registry_prepare(p->server, attempt, request);
	if (foreign)
		request->authorization = NULL;
	request->max_body = REPLY_MAX;
	r = http_get(p->registry->http, request, ret, err);
	if (r == 0 && (ret->status < 300 || ret->status == 404 || ret->status == 413 ||
			      ret->status == 405 || ret->status == 411)) {
		attempt->challenges = attempt->failures = 0; /* a token may expire again */
		p->server->accepted = !foreign || p->server->accepted;
		return 0;
	}
	r = registry_react(p->registry, p->server, attempt, r < 0 ? NULL : ret, err);
	TRY(r);
	wait_ms(r);
	return 1;
}

/* 1: the registry has the blob. */
static int has_blob(struct push *p, const char *digest, struct err *err)
{
	struct attempt attempt = { 0 };

	for (;;) {
		autofree char *url = registry_url(p->registry, p->server, "blobs", digest);
		struct http_request request = { .url = url, .method = "HEAD" };
		autoreply struct http_reply reply = { 0 };
		int r = ask(p, &request, &attempt, &reply, err);

		TRY(r);
		if (r == 0)
			return reply.status == 200;
	}
}

/* ---- uploads ---- */

/* Where the server wants the bytes. */
struct place {
	char *url;
	bool foreign; /* another origin: no authorization there */
};

static void place_done(struct place *place)
{
	free(place->url);
	place->url = NULL;
}

static int take_location(
	const struct push *p, const struct http_reply *reply, struct place *ret, struct err *err)
{
	const char *location = http_reply_header(reply, "location");
	autofree char *target = location ? http_resolve(reply->url, location) : NULL;
	struct url base, to;

	if (!target)
		return err_set(err, -EPROTO, "%s does not say where to upload to", p->server->base);
	TRY(url_parse(p->server->base, &base, err));
	if (url_parse(target, &to, err) < 0)
		return err_wrap(err, "%s names a place for the upload", base.authority);
	if (!to.https && (base.https || !url_same_origin(&base, &to)))
		return err_set(err, -EPERM, "%s wants the upload sent to plain http on %s: refused",
			base.authority, to.authority);
	free(ret->url);
	ret->url = move_ptr(&target);
	ret->foreign = !url_same_origin(&base, &to);
	return 0;
}

/* Begins an upload. 1: not needed, the blob was mounted. */
static int begin(
	struct push *p, const char *digest, const char *from, struct place *ret, struct err *err)
{
	struct attempt attempt = { 0 };

	for (;;) {
		autofree char *base = registry_url(p->registry, p->server, "blobs", "uploads/");
		autofree char *source = from ? url_encode(from) : NULL;
		autofree char *url = from ? xasprintf("%s?mount=%s&from=%s", base, digest, source)
					  : xstrdup(base);
		struct http_request request = { .url = url, .post = "" };
		autoreply struct http_reply reply = { 0 };
		int r = ask(p, &request, &attempt, &reply, err);

		TRY(r);
		if (r == 1)
			continue;
		if (reply.status == 201)
			return 1;
		if (reply.status != 202)
			return err_set(err, -EIO, "%s answered %ld to the start of an upload",
				p->server->base, reply.status);
		return take_location(p, &reply, ret, err);
	}
}

static char *with_digest(const char *url, const char *digest)
{
	return xasprintf("%s%cdigest=%s", url, strchr(url, '?') ? '&' : '?', digest);
}

struct upload {
	const char *digest;
	int fd;
	int64_t size;
	struct place place;
	struct attempt attempt; /* over all starts */
	bool chunked;
};

static int unexpected(const struct push *p, const struct http_reply *reply, struct err *err)
{
	return err_set(err, -EIO, "%s answered %ld to an upload", p->server->base, reply->status);
}

/* 0: sent. 1: begin again. */
static int send_whole(struct push *p, struct upload *up, struct err *err)
{
	autofree char *url = with_digest(up->place.url, up->digest);
	struct http_request request = { .url = url,
		.method = "PUT",
		.content_type = OCTETS,
		.upload_fd = up->fd,
		.upload_size = up->size,
		.no_redirect = up->place.foreign };
	autoreply struct http_reply reply = { 0 };
	int r = ask(p, &request, &up->attempt, &reply, err);

	if (r != 0)
		return r;
	if (reply.status == 201 || reply.status == 204)
		return 0;
	if (reply.status == 413 || reply.status == 411 || reply.status == 405)
		up->chunked = true; /* too much at once for this server */
	else if (reply.status != 404)
		return unexpected(p, &reply, err);
	return 1;
}

static int send_chunk(struct push *p, struct upload *up, int64_t at, struct err *err)
{
	int64_t n = up->size - at < CHUNK ? up->size - at : CHUNK;
	autofree char *range = xasprintf("%lld-%lld", (long long)at, (long long)(at + n - 1));
	struct http_request request = { .url = up->place.url,
		.method = "PATCH",
		.content_type = OCTETS,
		.content_range = range,
		.upload_fd = up->fd,
		.upload_offset = at,
		.upload_size = n,
		.no_redirect = up->place.foreign };
	autoreply struct http_reply reply = { 0 };
	int r = ask(p, &request, &up->attempt, &reply, err);

	if (r != 0)
		return r;
	if (reply.status == 404)
		return 1; /* the upload was forgotten */
	if (reply.status != 202 && reply.status != 204)
		return unexpected(p, &reply, err);
	return take_location(p, &reply, &up->place, err);
}

static int send_chunks(struct push *p, struct upload *up, struct err *err)
{
	autofree char *url = NULL;
	autoreply struct http_reply reply = { 0 };
	struct http_request request = { .method = "PUT", .post = "" };
	int r;

	for (int64_t at = 0; at < up->size; at += CHUNK) {
		r = send_chunk(p, up, at, err);
		if (r != 0)
			return r;
	}
	url = with_digest(up->place.url, up->digest);
	request.url = url;
	request.no_redirect = up->place.foreign;
	r = ask(p, &request, &up->attempt, &reply, err);
	if (r != 0)
		return r;
	return reply.status == 201 || reply.status == 204 ? 0 : unexpected(p, &reply, err);
}

static int send_blob(struct push *p, struct upload *up, const char *from, struct err *err)
{
	for (int i = 0; i < STARTS_MAX; i++) {
		int r = begin(p, up->digest, from, &up->place, err);

		TRY(r);
		if (r == 1) {
			say(p, up->digest, "Mounted");
			return 0;
		}
		r = up->chunked ? send_chunks(p, up, err) : send_whole(p, up, err);
		if (r == 0)
			say(p, up->digest, "Pushed");
		if (r <= 0)
			return r;
	}
	return err_set(err, -EIO, "%s did not take blob %s, tried %d times", p->server->base,
		up->digest, STARTS_MAX);
}

/* ---- what another repository has ---- */

static void offer(struct push *p, const struct manifest *has, const char *repository, size_t len)
{
	const struct manifest *m = &p->image.manifest;

	for (size_t i = 0; i < m->n_layers; i++)
		for (size_t k = 0; k < has->n_layers && !p->sources[i]; k++)
			if (strcmp(has->layers[k].digest, m->layers[i].digest) == 0)
				p->sources[i] = xstrndup(repository, len);
}

/* For each layer a repository of the same registry that this store knows to have it, or NULL. Before the first request,
 * because the token must be good for them, too; what comes up with a later tag of --all-tags is uploaded. */
static void find_sources(struct push *p)
{
	size_t len = strlen(p->ref.domain);

	forget_sources(p);
	p->n_sources = p->image.manifest.n_layers;
	p->sources = xcalloc(p->n_sources + 1, sizeof(char *));
	json_each (it, index_list(p->index)) {
		const char *pulled = index_note(it.value, INDEX_DIGEST);
		size_t path = pulled ? strcspn(pulled, "@") : 0;
		autofound struct found found = { 0 };
		struct err ignored = ERR_INIT; /* a damaged image is no source */

		if (path <= len + 1 || strncmp(pulled, p->ref.domain, len) != 0 ||
			pulled[len] != '/')
			continue;
		if (path - len - 1 == strlen(p->ref.path) &&
			strncmp(pulled + len + 1, p->ref.path, path - len - 1) == 0)
			continue;
		if (entry_load(&p->store, it.value, &found, &ignored) == 0)
			offer(p, &found.manifest, pulled + len + 1, path - len - 1);
	}
	for (size_t i = 0; i < p->n_sources && p->registry->also.n < SCOPES_MAX; i++)
		if (p->sources[i] && !strv_has(&p->registry->also, p->sources[i]))
			strv_add(&p->registry->also, p->sources[i]);
}

/* from: a repository that has it, or NULL */
static int push_blob(struct push *p, const char *digest, const char *from, struct err *err)
{
	struct upload up = { .digest = digest };
	autofd int fd = -EBADF;
	int r = has_blob(p, digest, err);

	TRY(r);
	if (r == 1) {
		say(p, digest, "Layer already exists");
		return 0;
	}
	fd = store_open_blob(&p->store, digest, &up.size, err);
	TRY(fd);
	up.fd = fd;
	r = send_blob(p, &up, from, err);
	place_done(&up.place);
	return r < 0 ? err_wrap(err, "push blob %.19s", digest) : 0;
}

/* ---- the manifest ---- */

static int push_manifest(struct push *p, int64_t *ret_size, struct err *err)
{
	const char *reference = p->ref.tag;
	const char *type = json_str(json_get(p->image.manifest.doc, "mediaType"),
		"application/vnd.oci.image.manifest.v1+json");
	struct attempt attempt = { 0 };
	autofd int fd = store_open_blob(&p->store, p->image.manifest_digest, ret_size, err);

	TRY(fd);
	for (;;) {
		autofree char *url = registry_url(p->registry, p->server, "manifests", reference);
		struct http_request request = { .url = url,
			.method = "PUT",
			.content_type = type,
			.upload_fd = fd,
			.upload_size = *ret_size };
		autoreply struct http_reply reply = { 0 };
		int r = ask(p, &request, &attempt, &reply, err);

		TRY(r);
		if (r == 0)
			return reply.status == 201 ? 0 : unexpected(p, &reply, err);
	}
}

/* As podman writes it: nothing follows the digest. Those of --all-tags are lines. */
static int tell_digest(struct push *p, struct err *err)
{
	const char *between;

	if (p->digests.fd < 0)
		return 0;
	between = p->n_digests++ ? "\n" : "";
	if (dprintf(p->digests.fd, "%s%s", between, p->image.manifest_digest) < 0)
		return err_sys(err, "write '%s'", p->opts.digestfile);
	return 0;
}

/* p->image under p->ref. */
static int push_tag(struct push *p, struct err *err)
{
	const struct manifest *m = &p->image.manifest;
	int64_t size = 0;

	find_sources(p);
	for (size_t i = 0; i < m->n_layers; i++)
		TRY(push_blob(p, m->layers[i].digest, p->sources[i], err));
	TRY(push_blob(p, m->config.digest, NULL, err));
	TRY(push_manifest(p, &size, err));
	TRY(tell_digest(p, err));
	if (p->opts.quiet)
		(void)printf("%s:%s\n", p->registry->full_name, p->ref.tag);
	else
		(void)printf("%s: digest: %s size: %lld\n", p->ref.tag, p->image.manifest_digest,
			(long long)size);
	return 0;
}

static int find_one(struct push *p, struct err *err)
{
	struct lookup at;

	if (index_find(&p->store, p->index, p->opts.image, &at, err) < 0 || at.by != FOUND_BY_REF)
		return err_set(err, -ENOENT, "An image does not exist locally with the tag: %s",
			p->opts.image);
	TRY(entry_load(&p->store, at.entry, &p->image, err));
	TRY(found_check_platform(&p->image, p->opts.image, p->opts.platform, err));
	if (p->ref.default_tag && !p->opts.quiet)
		(void)printf("Using default tag: latest\n");
	return 0;
}

static int push_entry(struct push *p, const struct json *entry, const char *tag, struct err *err)
{
	found_done(&p->image);
	p->image = (struct found){ 0 };
	free(p->ref.tag);
	p->ref.tag = xstrdup(tag);
	TRY(entry_load(&p->store, entry, &p->image, err));
	TRY(found_check_platform(&p->image, p->opts.image, p->opts.platform, err));
	return push_tag(p, err);
}

static int push_all_tags(struct push *p, struct err *err)
{
	size_t pushed = 0;

	json_each (it, index_list(p->index)) {
		autofree char *repository = NULL, *tag = NULL;

		entry_names(it.value, &repository, &tag);
		if (!tag || strcmp(repository, p->registry->familiar) != 0)
			continue;
		if (push_entry(p, it.value, tag, err) < 0)
			return err_wrap(err, "%s:%s", repository, tag);
		pushed++;
	}
	if (pushed == 0)
		return err_set(err, -ENOENT, "An image does not exist locally with the tag: %s",
			p->opts.image);
	return 0;
}

int push_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(push_done))) struct push p = { .store = STORE_INIT,
		.digests = OUTFILE_INIT };

	TRY(push_opts_parse(argc, argv, &p.opts, err));
	TRY(ref_parse(p.opts.image, &p.ref, err));
	if (p.ref.digest)
		return err_set(err, -EINVAL, "cannot push a digest reference");
	if (p.opts.all_tags && !p.ref.default_tag)
		return err_set(err, -EINVAL, "tag can't be used with --all-tags/-a");
	if (p.opts.digestfile)
		TRY(outfile_open(p.opts.digestfile, "push", &p.digests, err));
	TRY(store_open(globals, false, &p.store, err));
	TRY(index_load(&p.store, &p.index, err));
	if (!p.opts.all_tags)
		TRY(find_one(&p, err));
	TRY(registry_open(&p.ref, globals, &p.opts.server, &p.registry, err));
	TRY(confined_push(p.digests.folder, err));
	p.registry->push = true;
	p.server = &p.registry->servers[p.registry->endpoints.n - 1];
	if (!p.opts.quiet)
		(void)printf("The push refers to repository [%s]\n", p.registry->full_name);
	TRY(p.opts.all_tags ? push_all_tags(&p, err) : push_tag(&p, err));
	return p.opts.digestfile ? outfile_commit(&p.digests, err) : 0;
}
