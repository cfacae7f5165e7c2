/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and indexes, OCI and Docker schema 2. Pure, on bytes whose digest the caller has checked.
 * A document must be exactly one thing: bytes that could be read as a manifest by one client and as an
 * index by another are refused, as is a media type that says otherwise than the content.
 */
#include "image/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/manifest_private.h"
#include "image/store_private.h"

#define LAYERS_MAX    127
#define MANIFESTS_MAX 1000

static const struct {
	const char *type;
	enum doc_kind kind;
} doc_types[] = {
	{ "application/vnd.oci.image.manifest.v1+json", DOC_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v2+json", DOC_MANIFEST },
	{ "application/vnd.oci.image.index.v1+json", DOC_INDEX },
	{ "application/vnd.docker.distribution.manifest.list.v2+json", DOC_INDEX },
};

static const char *const config_types[] = {
	"application/vnd.oci.image.config.v1+json",
	"application/vnd.docker.container.image.v1+json",
};

static const char *const layer_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.oci.image.layer.v1.tar+zstd",
	"application/vnd.oci.image.layer.nondistributable.v1.tar",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
	"application/vnd.docker.image.rootfs.diff.tar.zstd",
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

void manifest_done(struct manifest *m)
{
	free(m->layers);
	json_free(m->doc);
	*m = (struct manifest){ 0 };
}

static bool one_of(const char *s, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(s, list[i]) == 0)
			return true;
	}
	return false;
}

static bool doc_type_kind(const char *type, enum doc_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(doc_types); i++) {
		if (strcmp(type, doc_types[i].type) != 0)
			continue;
		*ret = doc_types[i].kind;
		return true;
	}
	return false;
}

int descriptor_parse(const struct json *value, struct descriptor *ret, struct err *err)
{
	const char *type = json_str(json_get(value, "mediaType"), NULL);
	const char *digest = json_str(json_get(value, "digest"), NULL);
	int64_t size = json_int(json_get(value, "size"), -1);
	struct descriptor d = { .size = size };

	if (!type || strlen(type) >= sizeof(d.media_type))
		return err_set(err, -EINVAL, "the manifest is malformed: a part has no mediaType");
	if (!digest || !digest_valid(digest))
		return err_set(err, -EINVAL, "the manifest is malformed: '%.80s' is not a digest",
			digest ? digest : "");
	if (size < 0 || size > INT64_MAX / 2)
		return err_set(err, -EINVAL, "the manifest is malformed: bad size of %s", digest);
	(void)snprintf(d.media_type, sizeof(d.media_type), "%s", type);
	(void)snprintf(d.digest, sizeof(d.digest), "%s", digest);
	*ret = d;
	return 0;
}

static int refuse_schema1(const char *type, int64_t version, struct err *err)
{
	bool old = version == 1;

	if (type && strncmp(type, "application/vnd.docker.distribution.manifest.v1+", 48) == 0)
		old = true;
	if (old)
		return err_set(err, -EPROTONOSUPPORT,
			"the image has a manifest of schema 1, which is not supported (Docker gave it "
			"up as well). Ask its maker to push it with a newer tool");
	if (version != 2)
		return err_set(err, -EINVAL, "the manifest is malformed: schemaVersion is not 2");
	return 0;
}

/* The type an HTTP header names, without parameters; "" for headers that say nothing. */
static void header_type(const char *content_type, char *ret, size_t size)
{
	static const char *const vague[] = { "application/json", "text/plain",
		"application/octet-stream", "binary/octet-stream" };
	size_t len = content_type ? strcspn(content_type, "; \t") : 0;

	ret[0] = '\0';
	if (len == 0 || len >= size)
		return;
	memcpy(ret, content_type, len);
	ret[len] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(vague); i++) {
		if (strcasecmp(ret, vague[i]) == 0)
			ret[0] = '\0';
	}
}

/* What the document is, when header, mediaType and content all agree. */
static int find_kind(
	const struct json *doc, const char *content_type, enum doc_kind *ret, struct err *err)
{
	const struct json *type_value = json_get(doc, "mediaType");
	const char *type = json_str(type_value, NULL);
	bool single = json_get(doc, "layers") || json_get(doc, "config");
	bool many = json_get(doc, "manifests") != NULL;
	enum doc_kind shape = many ? DOC_INDEX : DOC_MANIFEST;
	enum doc_kind told = shape;
	char header[128];

	header_type(content_type, header, sizeof(header));
	TRY(refuse_schema1(type ? type : header, json_int(json_get(doc, "schemaVersion"), 0), err));
	if (single == many)
		return err_set(err, -EINVAL,
			many ? "the manifest is ambiguous: it has both layers and manifests"
			     : "the document is neither an image manifest nor an index");
	if (type_value && !type)
		return err_set(err, -EINVAL, "the manifest is malformed: mediaType is no string");
	if (type && header[0] && strcmp(type, header) != 0)
		return err_set(err, -EINVAL,
			"the manifest is ambiguous: sent as '%s', but it says '%.80s'", header,
			type);
	if (!type && header[0])
		type = header;
	if (type && !doc_type_kind(type, &told))
		return err_set(err, -EINVAL, "manifests of type '%.100s' are not supported", type);
	if (told != shape)
		return err_set(err, -EINVAL,
			"the manifest is ambiguous: its type '%.80s' does not fit "
			"its content",
			type);
	*ret = shape;
	return 0;
}

static int parse_layers(struct manifest *m, struct err *err)
{
	const struct json *list = json_get(m->doc, "layers");
	size_t n = json_len(list);

	if (json_kind(list) != JSON_LIST)
		return err_set(err, -EINVAL, "the manifest is malformed: it names no layers");
	if (n > LAYERS_MAX)
		return err_set(err, -EINVAL,
			"max depth exceeded: the image has %zu layers, the limit is %d", n,
			LAYERS_MAX);
	m->layers = xcalloc(n + 1, sizeof(*m->layers));
	for (size_t i = 0; i < n; i++) {
		TRY(descriptor_parse(json_at(list, i), &m->layers[i], err));
		if (!one_of(m->layers[i].media_type, layer_types, ARRAY_SIZE(layer_types)))
			return err_set(err, -EINVAL, "layers of type '%s' are not supported",
				m->layers[i].media_type);
	}
	m->n_layers = n;
	return 0;
}

static int parse_manifest(struct manifest *m, struct err *err)
{
	TRY(descriptor_parse(json_get(m->doc, "config"), &m->config, err));
	if (!one_of(m->config.media_type, config_types, ARRAY_SIZE(config_types)))
		return err_set(err, -EINVAL,
			"this is not a container image: its config has the type '%s'",
			m->config.media_type);
	if (m->config.size > (int64_t)CONFIG_MAX)
		return err_set(err, -EFBIG, "the image's config is too large (%lld bytes)",
			(long long)m->config.size);
	return parse_layers(m, err);
}

static int check_index(const struct manifest *m, struct err *err)
{
	const struct json *list = json_get(m->doc, "manifests");
	struct descriptor d;

	if (json_kind(list) != JSON_LIST)
		return err_set(err, -EINVAL, "the index is malformed: manifests is no list");
	if (json_len(list) > MANIFESTS_MAX)
		return err_set(err, -EINVAL, "the index names %zu manifests, the limit is %d",
			json_len(list), MANIFESTS_MAX);
	json_each (it, list)
		TRY(descriptor_parse(it.value, &d, err));
	return 0;
}

int manifest_parse(const char *text, size_t len, const char *content_type, struct manifest *ret,
	struct err *err)
{
	automanifest struct manifest m = { 0 };

	if (len > MANIFEST_MAX)
		return err_set(err, -EFBIG, "the manifest is too large (%zu bytes)", len);
	if (json_parse(text, len, &m.doc, err) < 0)
		return err_wrap(err, "the manifest is malformed");
	if (json_kind(m.doc) != JSON_MAP)
		return err_set(err, -EINVAL, "the manifest is malformed: it is no JSON object");
	TRY(find_kind(m.doc, content_type, &m.kind, err));
	TRY(m.kind == DOC_INDEX ? check_index(&m, err) : parse_manifest(&m, err));
	*ret = m;
	m = (struct manifest){ 0 };
	return 0;
}
