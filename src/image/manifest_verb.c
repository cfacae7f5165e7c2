/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx manifest inspect`: what a name stands for in its registry. With -v in Docker's form: one object for each
 * platform's manifest, a list of them when the name is an index. Nothing is stored.
 */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/auth.h"
#include "image/confined.h"
#include "image/manifest_private.h"
#include "image/registry.h"
#include "image/store_private.h"

#define DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define ITEMS_MAX       1000

static int print(const struct json *doc)
{
	autobuf struct buf text = BUF_INIT;

	json_write(doc, 3, &text);
	(void)printf("%s\n", text.data); /* main checks stdout */
	return 0;
}

static int parse(
	const struct document *document, const char *what, struct json **ret, struct err *err)
{
	const char *text = document->text.data ? document->text.data : "";

	if (json_parse(text, document->text.len, ret, err) < 0)
		return err_wrap(err, "%s", what);
	return 0;
}

static int fetch_part(struct registry *registry, const char *kind, const struct descriptor *what,
	struct document *ret, struct err *err)
{
	bool config = strcmp(kind, "blobs") == 0;
	struct wanted wanted = { .kind = kind,
		.reference = what->digest,
		.digest = what->digest,
		.size = what->size,
		.max = config ? CONFIG_MAX : MANIFEST_MAX };

	return registry_fetch(registry, &wanted, ret, err);
}

/* A manifest that is in no index says in its configuration what it is for. */
static int put_platform(struct registry *registry, const struct manifest *manifest,
	struct json *descriptor, struct err *err)
{
	struct json *platform = json_new_map();
	autodocument struct document document = { 0 };
	autojson struct json *config = NULL;

	json_put(descriptor, "platform", platform);
	TRY(fetch_part(registry, "blobs", &manifest->config, &document, err));
	TRY(parse(&document, "the image's configuration", &config, err));
	json_put_string(platform, "architecture", json_str(json_get(config, "architecture"), ""));
	json_put_string(platform, "os", json_str(json_get(config, "os"), ""));
	return 0;
}

/* {"Ref", "Descriptor", "Raw", "OCIManifest" or "SchemaV2Manifest"}; listed: the index's entry or NULL. */
static int verbose_item(struct registry *registry, const struct document *document,
	const struct json *listed, struct json **ret, struct err *err)
{
	autojson struct json *item = json_new_map();
	struct json *descriptor = json_new_map();
	automanifest struct manifest manifest = { 0 };
	const struct buf *text = &document->text;
	autofree char *raw = base64_encode(text->data ? text->data : "", text->len);
	autofree char *ref = xasprintf("%s@%s", registry->full_name, document->digest);
	const char *type;

	TRY(manifest_parse(text->data ? text->data : "", text->len,
		*document->content_type ? document->content_type : NULL, &manifest, err));
	type = json_str(json_get(manifest.doc, "mediaType"), document->content_type);
	json_put_string(item, "Ref", ref);
	json_put(item, "Descriptor", descriptor);
	json_put_string(descriptor, "mediaType", type);
	json_put_string(descriptor, "digest", document->digest);
	json_put_int(descriptor, "size", (int64_t)text->len);
	if (json_get(listed, "platform"))
		json_put(descriptor, "platform",
			(struct json *)json_ref((struct json *)json_get(listed, "platform")));
	else if (manifest.kind == DOC_MANIFEST)
		TRY(put_platform(registry, &manifest, descriptor, err));
	json_put_string(item, "Raw", raw);
	json_put(item, strcmp(type, DOCKER_MANIFEST) == 0 ? "SchemaV2Manifest" : "OCIManifest",
		(struct json *)json_ref(manifest.doc));
	*ret = move_ptr(&item);
	return 0;
}

static int verbose_list(
	struct registry *registry, const struct json *entries, struct json **ret, struct err *err)
{
	autojson struct json *list = json_new_list();

	if (json_len(entries) > ITEMS_MAX)
		return err_set(err, -E2BIG, "the index lists %zu manifests: at most %d are shown",
			json_len(entries), ITEMS_MAX);
	json_each (it, entries) {
		autodocument struct document document = { 0 };
		struct json *item = NULL;
		struct descriptor what;

		TRY(descriptor_parse(it.value, &what, err));
		TRY(fetch_part(registry, "manifests", &what, &document, err));
		TRY(verbose_item(registry, &document, it.value, &item, err));
		json_push(list, item);
	}
	*ret = move_ptr(&list);
	return 0;
}

static int verbose(struct registry *registry, const struct document *top, const struct json *doc,
	struct err *err)
{
	const struct json *entries = json_get(doc, "manifests");
	autojson struct json *shown = NULL;

	if (json_kind(entries) == JSON_LIST)
		TRY(verbose_list(registry, entries, &shown, err));
	else
		TRY(verbose_item(registry, top, NULL, &shown, err));
	return print(shown);
}

int manifest_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(manifest_opts_done))) struct manifest_opts opts = { 0 };
	struct server_opts server = SERVER_OPTS_INIT;
	autoregistry struct registry *registry = NULL;
	autodocument struct document document = { 0 };
	autojson struct json *doc = NULL;
	autoref struct ref ref = { 0 };
	struct wanted wanted = { .kind = "manifests", .size = -1, .max = MANIFEST_MAX };

	(void)argc;
	TRY(manifest_opts_parse(argv, &opts, err));
	TRY(ref_parse(opts.image, &ref, err));
	wanted.reference = ref.digest ? ref.digest : ref.tag;
	wanted.digest = ref.digest;
	if (opts.insecure) {
		server.tls_verify = false;
		server.tls_told = true;
	}
	TRY(registry_open(&ref, globals, &server, &registry, err));
	TRY(confined_registry(NULL, err));
	TRY(registry_fetch(registry, &wanted, &document, err));
	TRY(parse(&document, opts.image, &doc, err));
	return opts.verbose ? verbose(registry, &document, doc, err) : print(doc);
}
