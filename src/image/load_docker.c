/* SPDX-License-Identifier: Apache-2.0 */
/* docker-archive: manifest.json names a config, layers and tags of each image. The manifest that the
 * image gets in the store is made here; config and layers stay what they are. */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"
#include "image/store_private.h"

#define LAYERS_MAX 127

/* A config is a document in memory, or a blob. */
static int take_config(const struct store *store, const struct members *members, const char *name,
	struct descriptor *ret, struct err *err)
{
	const struct member *m = members_find(members, name);
	char hex[SHA256_HEX];

	if (!m || (!m->text && !*m->digest))
		return err_set(err, -ENOENT,
			"the archive is not complete: the configuration '%.150s' is not in it",
			name);
	(void)snprintf(ret->media_type, sizeof(ret->media_type),
		"application/vnd.oci.image.config.v1+json");
	if (!m->text) {
		autobuf struct buf text = BUF_INIT;

		(void)snprintf(ret->digest, sizeof(ret->digest), "%s", m->digest);
		TRY(store_read_blob(store, m->digest, CONFIG_MAX, &text, err));
		ret->size = (int64_t)text.len;
		return 0;
	}
	sha256_hex(m->text, m->len, hex);
	(void)snprintf(ret->digest, sizeof(ret->digest), "sha256:%s", hex);
	ret->size = (int64_t)m->len;
	return store_put_blob(store, ret->digest, m->text, m->len, err);
}

static int take_layer(const struct store *store, const struct members *members, const char *name,
	struct descriptor *ret, struct err *err)
{
	const struct member *m = members_find(members, name);

	if (!m || !*m->digest)
		return err_set(err, -ENOENT,
			"the archive is not complete: the layer '%.150s' is not in it", name);
	(void)snprintf(ret->digest, sizeof(ret->digest), "%s", m->digest);
	return install_layer_type(store, ret, err);
}

int load_name(const char *name, char **ret, struct err *err)
{
	autoref struct ref ref = { 0 };

	if (ref_parse(name, &ref, err) < 0)
		return err_wrap(err, "the archive names an image '%.150s'", name);
	if (ref.digest || ref.default_tag)
		return err_set(err, -EINVAL,
			"the archive names an image '%.150s': that is not a name with a tag", name);
	*ret = ref_full(&ref);
	return 0;
}

static int take_names(const struct json *tags, struct strv *ret, struct err *err)
{
	json_each (it, tags) {
		autofree char *full = NULL;

		TRY(load_name(json_str(it.value, ""), &full, err));
		if (!strv_has(ret, full))
			strv_add(ret, full);
	}
	return 0;
}

static int take_image(const struct store *store, const struct members *members,
	const struct json *item, struct loaded *ret, struct err *err)
{
	const struct json *layers = json_get(item, "Layers");
	autofree struct descriptor *list = NULL;
	struct descriptor config = { .size = 0 };
	size_t n = json_len(layers);

	if (json_kind(item) != JSON_MAP || json_kind(layers) != JSON_LIST)
		return err_set(err, -EINVAL, "manifest.json of the archive is malformed");
	if (n > LAYERS_MAX)
		return err_set(err, -E2BIG, "an image with %zu layers: at most %d are possible", n,
			LAYERS_MAX);
	list = xcalloc(n + 1, sizeof(*list));
	TRY(take_config(store, members, json_str(json_get(item, "Config"), ""), &config, err));
	for (size_t i = 0; i < n; i++)
		TRY(take_layer(store, members, json_str(json_at(layers, i), ""), &list[i], err));
	TRY(take_names(json_get(item, "RepoTags"), &ret->names, err));
	return install_manifest(store, &config, list, n, &ret->manifest, err);
}

int load_docker(const struct store *store, const struct members *members, struct loads *ret,
	struct err *err)
{
	const struct member *m = members_find(members, "manifest.json");
	autojson struct json *doc = NULL;

	if (!m || !m->text)
		return err_set(err, -EINVAL,
			"this is no archive of images: it has neither manifest.json nor index.json. A "
			"file system that was exported goes in with 'sbx import'");
	if (json_parse(m->text, m->len, &doc, err) < 0)
		return err_wrap(err, "manifest.json of the archive");
	if (json_kind(doc) != JSON_LIST)
		return err_set(err, -EINVAL, "manifest.json of the archive is malformed");
	json_each (it, doc)
		TRY(take_image(store, members, it.value, loads_add(ret), err));
	return 0;
}
