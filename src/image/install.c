/* SPDX-License-Identifier: Apache-2.0 */
/* The last steps of load, import and commit: from blobs to an image with names. The same order as in
 * a pull: whatever fails before the end leaves blobs and layers, and no image that is half there. */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sha256.h"
#include "image/store_private.h"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"

struct json *descriptor_json(const struct descriptor *d)
{
	struct json *json = json_new_map();

	json_put_string(json, "mediaType", d->media_type);
	json_put_string(json, "digest", d->digest);
	json_put_int(json, "size", d->size);
	return json;
}

int install_text(const struct store *store, const char *text, size_t len, struct descriptor *ret,
	struct err *err)
{
	char hex[SHA256_HEX];

	sha256_hex(text, len, hex);
	(void)snprintf(ret->digest, sizeof(ret->digest), "sha256:%s", hex);
	ret->size = (int64_t)len;
	return store_put_blob(store, ret->digest, text, len, err);
}

int install_document(
	const struct store *store, const struct json *doc, struct descriptor *ret, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	json_write(doc, 0, &text);
	return install_text(store, text.data, text.len, ret, err);
}

int install_manifest(const struct store *store, const struct descriptor *config,
	const struct descriptor *layers, size_t n, struct descriptor *ret, struct err *err)
{
	autojson struct json *doc = json_new_map();
	struct json *list = json_new_list();
	struct descriptor manifest = { .media_type = OCI_MANIFEST };

	json_put_int(doc, "schemaVersion", 2);
	json_put_string(doc, "mediaType", OCI_MANIFEST);
	json_put(doc, "config", descriptor_json(config));
	for (size_t i = 0; i < n; i++)
		json_push(list, descriptor_json(&layers[i]));
	json_put(doc, "layers", list);
	TRY(install_document(store, doc, &manifest, err));
	*ret = manifest;
	return 0;
}

int install_layer_type(const struct store *store, struct descriptor *layer, struct err *err)
{
	autofd int fd = store_open_blob(store, layer->digest, &layer->size, err);
	unsigned char head[4] = { 0 };
	const char *compression = "";

	TRY(fd);
	if (pread(fd, head, sizeof(head), 0) < 0)
		return err_sys(err, "read blob %s", layer->digest);
	if (head[0] == 0x1f && head[1] == 0x8b)
		compression = "+gzip";
	else if (memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0)
		compression = "+zstd";
	(void)snprintf(layer->media_type, sizeof(layer->media_type),
		"application/vnd.oci.image.layer.v1.tar%s", compression);
	return 0;
}

static bool is_image_config(const char *media_type)
{
	return strcmp(media_type, "application/vnd.oci.image.config.v1+json") == 0 ||
	       strcmp(media_type, "application/vnd.docker.container.image.v1+json") == 0;
}

int install_layers(const struct store *store, const struct descriptor *manifest,
	struct progress *progress, char ret_id[DIGEST_MAX], struct err *err)
{
	autojson struct json *entry = descriptor_json(manifest);
	autofound struct found image = { 0 };

	TRY(entry_load(store, entry, &image, err));
	if (!is_image_config(image.manifest.config.media_type))
		return err_set(err, -EINVAL,
			"this is not a container image: its configuration has the type '%.100s'",
			image.manifest.config.media_type);
	TRY(install_unpack(store, &image, progress, err));
	(void)snprintf(ret_id, DIGEST_MAX, "%s", image.id);
	return 0;
}

int install_names(const struct store *store, const struct descriptor *manifest,
	const struct strv *names, struct err *err)
{
	if (names->n == 0)
		return store_set_ref(
			store, NULL, manifest->digest, manifest->size, manifest->media_type, err);
	strv_each (name, names)
		TRY(store_set_ref(
			store, *name, manifest->digest, manifest->size, manifest->media_type, err));
	return 0;
}
