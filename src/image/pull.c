/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of a pull: name, manifest of the right platform, config, layers, and only then the name
 * in index.json. Whoever interrupts it before that leaves blobs and layers that the next pull finds,
 * and no image that is half there. Each document is verified against the digest in the one before it.
 */
#include "image/pull.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/confined.h"
#include "image/fetch.h"
#include "image/image.h"
#include "image/progress.h"
#include "image/registry.h"
#include "image/store.h"

#define MANIFEST_BYTES_MAX ((size_t)4 << 20)
#define CONFIG_BYTES_MAX   ((size_t)8 << 20)
#define INDEX_DEPTH_MAX    4
#define UNPACKED_FACTOR    2 /* a layer unpacks to at least about this much of its compressed size */

struct session {
	const struct globals *globals;
	const struct pull *pull;
	struct progress progress;
	struct ref ref;
	struct store store;
	struct registry *registry;
	char top_digest[DIGEST_MAX]; /* of what the name points to: an index or the manifest */
	struct descriptor self;      /* the platform's manifest */
	struct buf manifest_text, config_text;
	struct manifest manifest;
	struct strv diff_ids, chain_ids;
	struct layer *layers;
};

static void session_done(struct session *s)
{
	progress_done(&s->progress);
	ref_done(&s->ref);
	registry_free(s->registry);
	buf_done(&s->manifest_text);
	buf_done(&s->config_text);
	manifest_done(&s->manifest);
	strv_done(&s->diff_ids);
	strv_done(&s->chain_ids);
	free(s->layers);
	store_done(&s->store);
}

/* ---- documents ---- */

/* A document that a verified one points to: from the store or the registry. */
static int load(struct session *s, const char *kind, const struct descriptor *what, struct buf *ret,
	struct err *err)
{
	size_t max = strcmp(kind, "blobs") == 0 ? CONFIG_BYTES_MAX : MANIFEST_BYTES_MAX;
	struct wanted wanted = { .kind = kind,
		.reference = what->digest,
		.digest = what->digest,
		.size = what->size,
		.max = max };
	autodocument struct document document = { 0 };
	struct err ignored = ERR_INIT;

	if (what->size < 0 || (uint64_t)what->size > max)
		return err_set(err, -EFBIG, "%s is said to have %lld bytes: refused", what->digest,
			(long long)what->size);
	if (store_has_blob(&s->store, what->digest) &&
		store_read_blob(&s->store, what->digest, max, ret, &ignored) >= 0)
		return 0; /* a damaged one is fetched again and replaced */
	TRY(registry_fetch(s->registry, &wanted, &document, err));
	*ret = document.text;
	document.text = (struct buf){ 0 };
	return 0;
}

static int fetch_top(struct session *s, struct err *err)
{
	struct wanted wanted = {
		.kind = "manifests",
		.reference = s->ref.digest ? s->ref.digest : s->ref.tag,
		.digest = s->ref.digest,
		.size = -1,
		.max = MANIFEST_BYTES_MAX,
	};
	autodocument struct document document = { 0 };

	TRY(registry_fetch(s->registry, &wanted, &document, err));
	(void)snprintf(s->top_digest, sizeof(s->top_digest), "%s", document.digest);
	(void)snprintf(s->self.digest, sizeof(s->self.digest), "%s", document.digest);
	(void)snprintf(s->self.media_type, sizeof(s->self.media_type), "%s", document.content_type);
	s->self.size = (int64_t)document.text.len;
	s->manifest_text = document.text;
	document.text = (struct buf){ 0 };
	return 0;
}

static int parse_manifest(struct session *s, struct err *err)
{
	const char *type = *s->self.media_type ? s->self.media_type : NULL;
	int r = manifest_parse(s->manifest_text.data ? s->manifest_text.data : "",
		s->manifest_text.len, type, &s->manifest, err);

	return r < 0 ? err_wrap(err, "manifest of %s", s->registry->familiar) : 0;
}

/* From what the name points to down to one platform's manifest. */
static int find_manifest(struct session *s, struct err *err)
{
	TRY(fetch_top(s, err));
	TRY(parse_manifest(s, err));
	for (unsigned depth = 0; s->manifest.kind == DOC_INDEX; depth++) {
		struct descriptor next;

		if (depth >= INDEX_DEPTH_MAX)
			return err_set(err, -ELOOP,
				"manifest of %s: indexes within indexes, more than %d deep",
				s->registry->familiar, INDEX_DEPTH_MAX);
		TRY(manifest_select(&s->manifest, s->pull->platform, &next, err));
		manifest_done(&s->manifest);
		buf_done(&s->manifest_text);
		s->self = next;
		TRY(load(s, "manifests", &s->self, &s->manifest_text, err));
		TRY(parse_manifest(s, err));
	}
	return 0;
}

static bool is_image_config(const char *media_type)
{
	return strcmp(media_type, "application/vnd.oci.image.config.v1+json") == 0 ||
	       strcmp(media_type, "application/vnd.docker.container.image.v1+json") == 0;
}

/* A manifest that came without an index says in its config what it runs on. */
static int check_platform(struct session *s, const struct json *config, struct err *err)
{
	const char *os = json_str(json_get(config, "os"), "linux");
	const char *machine = json_str(json_get(config, "architecture"), "");
	const char *want = s->pull->platform ? s->pull->platform : platform_host();
	autofree char *have = xasprintf("%s/%s", os, machine);
	size_t n = strlen(have);

	if (!*machine || (strncmp(want, have, n) == 0 && (!want[n] || want[n] == '/')))
		return 0;
	if (s->pull->platform)
		return err_id(err, -ENOENT, "E-ARCH",
			"image %s is not made for %.60s. Available: %.60s", s->registry->familiar,
			want, have);
	return err_id(err, -ENOENT, "E-ARCH",
		"image %s is for %.60s, this machine is %s. To fetch it all the same: --platform %.60s",
		s->registry->familiar, have, want, have);
}

static int load_config(struct session *s, struct err *err)
{
	const struct descriptor *what = &s->manifest.config;
	autojson struct json *config = NULL;

	if (!is_image_config(what->media_type))
		return err_set(err, -EINVAL,
			"%s is not a container image: its configuration has the type '%.100s'",
			s->registry->familiar, what->media_type);
	TRY(load(s, "blobs", what, &s->config_text, err));
	if (json_parse(s->config_text.data ? s->config_text.data : "", s->config_text.len, &config,
		    err) < 0)
		return err_wrap(err, "configuration of %s", s->registry->familiar);
	TRY(check_platform(s, config, err));
	TRY(config_diff_ids(config, s->manifest.n_layers, &s->diff_ids, err));
	TRY(config_check_history(config, s->manifest.n_layers, err));
	chain_ids(&s->diff_ids, &s->chain_ids);
	return 0;
}

/* ---- layers ---- */

static int check_space(struct session *s, struct err *err)
{
	int64_t bytes = 0;

	for (size_t i = 0; i < s->manifest.n_layers; i++) {
		const struct descriptor *blob = &s->manifest.layers[i];
		bool unpacked = store_has_layer(&s->store, s->chain_ids.v[i]);
		bool here = store_has_blob(&s->store, blob->digest);

		bytes += (here ? 0 : blob->size) + (unpacked ? 0 : blob->size * UNPACKED_FACTOR);
	}
	return store_check_space(&s->store, s->registry->familiar, bytes, 0, err);
}

static int fetch_all(struct session *s, struct err *err)
{
	struct fetch fetch = { .store = &s->store,
		.registry = s->registry,
		.progress = &s->progress,
		.n = s->manifest.n_layers };
	int r;

	s->layers = xcalloc(fetch.n, sizeof(*s->layers));
	for (size_t i = 0; i < fetch.n; i++)
		s->layers[i] = (struct layer){ .blob = &s->manifest.layers[i],
			.diff_id = s->diff_ids.v[i],
			.chain_id = s->chain_ids.v[i],
			.row = progress_add(&s->progress, s->manifest.layers[i].digest) };
	fetch.layers = s->layers;
	TRY(check_space(s, err));
	r = fetch_layers(&fetch, err);
	progress_settle(&s->progress);
	return r;
}

/* ---- the image ---- */

static char *name_digest(const struct session *s)
{
	return xasprintf("%s@%s", s->registry->full_name, s->ref.digest);
}

/* What was pulled, in full: a digest makes a tag beside it meaningless, as in Docker. */
static char *full_name(const struct session *s)
{
	return s->ref.digest ? name_digest(s) : ref_full(&s->ref);
}

static bool is_up_to_date(const struct session *s, const char *full)
{
	autoimage struct image image = { 0 };
	struct err ignored = ERR_INIT;

	if (image_resolve(s->globals, full, &image, &ignored) < 0 ||
		strcmp(image.manifest, s->self.digest) != 0)
		return false;
	/* `system check` may have taken a damaged blob away. */
	for (size_t i = 0; i < s->manifest.n_layers; i++)
		if (!store_has_blob(&s->store, s->manifest.layers[i].digest))
			return false;
	return true;
}

static int record(struct session *s, const char *full, struct err *err)
{
	autofree char *known = s->ref.digest ? xstrdup(full)
					     : xasprintf("%s@%s", full, s->top_digest);
	const char *type = json_str(json_get(s->manifest.doc, "mediaType"), s->self.media_type);

	TRY(store_put_blob(&s->store, s->manifest.config.digest, s->config_text.data,
		s->config_text.len, err));
	TRY(store_put_blob(
		&s->store, s->self.digest, s->manifest_text.data, s->manifest_text.len, err));
	return store_set_ref(&s->store, known, s->self.digest, s->self.size, type, err);
}

static void tell_result(struct session *s, const char *full, bool up_to_date)
{
	autofree char *familiar = s->ref.digest
					  ? xasprintf("%s@%s", s->registry->familiar, s->ref.digest)
					  : ref_familiar(&s->ref);

	progress_say(&s->progress, "Digest: %s", s->top_digest);
	progress_say(&s->progress, "Status: %s for %s",
		up_to_date ? "Image is up to date" : "Downloaded newer image", familiar);
	if (s->pull->implicit)
		return;
	s->progress.quiet = false; /* the one line that -q leaves */
	progress_say(&s->progress, "%s", full);
}

static int pull_from_registry(struct session *s, struct err *err)
{
	autofree char *full = full_name(s);
	bool up_to_date;

	progress_say(&s->progress, "%s: Pulling from %s", s->ref.digest ? full : s->ref.tag,
		s->ref.path);
	TRY(find_manifest(s, err));
	TRY(load_config(s, err));
	up_to_date = is_up_to_date(s, full);
	if (!up_to_date) {
		TRY(fetch_all(s, err));
		TRY(record(s, full, err));
	}
	tell_result(s, full, up_to_date);
	return 0;
}

/* Offline, the next question is what can be run without the network. */
static int add_local_copy(const struct session *s, struct err *err)
{
	autofree char *full = full_name(s);
	autoimage struct image image = { 0 };
	struct err ignored = ERR_INIT;
	size_t len;

	err_wrap(err, "%s", s->registry->familiar);
	len = strlen(err->text);
	if (image_resolve(s->globals, full, &image, &ignored) >= 0)
		(void)snprintf(err->text + len, sizeof(err->text) - len,
			". A local copy is here (image %.12s): --pull=never runs it",
			strchr(image.id, ':') + 1);
	return err->code;
}

int pull_image(const struct globals *globals, const struct pull *pull, struct err *err)
{
	__attribute__((cleanup(session_done))) struct session s = {
		.globals = globals, .pull = pull, .store = STORE_INIT
	};
	int r;

	progress_init(&s.progress, pull->out, pull->quiet);
	TRY(ref_parse(pull->name, &s.ref, err));
	if (s.ref.default_tag && !pull->implicit)
		progress_say(&s.progress, "Using default tag: latest");
	TRY(registry_open(&s.ref, globals, pull->server, &s.registry, err));
	TRY(store_open(globals, true, &s.store, err));
	TRY(store_inside(&s.store, err));
	TRY(confined_registry(&s.store, err));
	r = pull_from_registry(&s, err);
	return r < 0 && strcmp(err->id, "E-OFFLINE") == 0 ? add_local_copy(&s, err) : r;
}
