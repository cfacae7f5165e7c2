/* SPDX-License-Identifier: Apache-2.0 */
/* An OCI layout in an archive: index.json names manifests, which name blobs by digest. Every blob
 * must be a member of this archive. Names are Docker's annotation, or a full reference. */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/manifest_private.h"
#include "image/store_private.h"

#define INDEX_DEPTH 4
#define DOCKER_NAME "io.containerd.image.name"

static int need_member(const struct members *members, const char *digest, struct err *err)
{
	autofree char *name = xasprintf("blobs/%.6s/%s", digest, digest + 7);
	const struct member *m = members_find(members, name);

	if (m && strcmp(m->digest, digest) == 0)
		return 0;
	return err_set(
		err, -ENOENT, "the archive is not complete: blob %.150s is not in it", digest);
}

/* From an index's descriptor down to the manifest of one platform, all of it in the archive. */
static int find_manifest(const struct store *store, const struct members *members,
	const char *platform, struct descriptor *at, struct err *err)
{
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		autobuf struct buf text = BUF_INIT;
		automanifest struct manifest m = { 0 };

		TRY(need_member(members, at->digest, err));
		TRY(store_read_blob(store, at->digest, MANIFEST_MAX, &text, err));
		TRY(manifest_parse(text.data, text.len, NULL, &m, err));
		if (m.kind == DOC_INDEX) {
			TRY(manifest_select(&m, platform, at, err));
			continue;
		}
		at->size = (int64_t)text.len;
		TRY(need_member(members, m.config.digest, err));
		for (size_t i = 0; i < m.n_layers; i++)
			TRY(need_member(members, m.layers[i].digest, err));
		return 0;
	}
	return err_set(err, -ELOOP, "the archive has an index of an index of an index: refused");
}

/* "latest", as skopeo and umoci write it, is no name of an image. */
static int take_name(const struct json *entry, struct strv *ret, struct err *err)
{
	const char *name = index_note(entry, DOCKER_NAME);
	autofree char *full = NULL;

	if (!name) {
		name = index_note(entry, INDEX_REF);
		if (!name || !strchr(name, ':'))
			return 0;
	}
	TRY(load_name(name, &full, err));
	strv_add(ret, full);
	return 0;
}

static struct loaded *same_manifest(struct loads *loads, const char *digest)
{
	for (size_t i = 0; i < loads->n; i++)
		if (strcmp(loads->list[i].manifest.digest, digest) == 0)
			return &loads->list[i];
	return loads_add(loads);
}

static int take_entry(const struct store *store, const struct members *members,
	const struct json *entry, struct loads *ret, struct err *err)
{
	struct descriptor at;
	struct loaded *image;

	TRY(descriptor_parse(entry, &at, err));
	TRY(find_manifest(store, members, ret->platform, &at, err));
	image = same_manifest(ret, at.digest);
	image->manifest = at;
	return take_name(entry, &image->names, err);
}

int load_oci(const struct store *store, const struct members *members, struct loads *ret,
	struct err *err)
{
	const struct member *m = members_find(members, "index.json");
	autojson struct json *doc = NULL;

	if (json_parse(m->text, m->len, &doc, err) < 0)
		return err_wrap(err, "index.json of the archive");
	if (json_kind(json_get(doc, "manifests")) != JSON_LIST)
		return err_set(err, -EINVAL, "index.json of the archive is malformed");
	json_each (it, json_get(doc, "manifests"))
		TRY(take_entry(store, members, it.value, ret, err));
	return 0;
}
