/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `commit` and `build` have in common, for build as two verbs of sbx-image that people do not see:
 *
 *	sbx-image layer [--parent=CHAIN-ID] DIRECTORY [LOWER...]
 *	sbx-image assemble                               (a document on stdin)
 *
 * layer: an upper directory, on the directories LOWER (base first), becomes a layer: its blob and
 * layers/<chain id>. Prints {"digest","mediaType","size","chainId"}; the digest is the diff id, and ""
 * when there are no changes. The directory is only read.
 *
 * assemble: {"config": image configuration, "layers": [descriptors, base first], "names": [references]}
 * becomes an image. The layers' blobs are in the store; those not unpacked are. Prints {"id",
 * "manifest"}. Without names it is kept untagged.
 */
#include "image/parcel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/pack.h"
#include "image/store_private.h"

#define OCI_CONFIG   "application/vnd.oci.image.config.v1+json"
#define DOCUMENT_MAX ((size_t)16 << 20)
#define LAYERS_MAX   127

int layer_take(const struct store *store, const struct layer_source *source,
	struct layer_taken *ret, struct err *err)
{
	autospool struct spool spool = { .fd = -EBADF };
	struct pack pack = {
		.layer = true, .store = store, .parent = source->parent, .lower = source->lower
	};
	struct layer_taken taken = { .chain_id = "" };
	struct pack_result result;
	int r;

	TRY(spool_begin(&spool, store, NULL, err));
	pack.fd = spool.fd;
	strv_add(&pack.dirs, source->dir);
	r = pack_run(&pack, &result, err);
	strv_done(&pack.dirs);
	TRY(r);
	if (result.members > 0) {
		TRY(store_partial_commit_as(store, spool.name, result.digest, spool.fd, err));
		spool.have = true; /* nothing is left to remove */
		(void)snprintf(taken.blob.digest, sizeof(taken.blob.digest), "%s", result.digest);
		(void)snprintf(taken.chain_id, sizeof(taken.chain_id), "%s", result.chain_id);
		TRY(install_layer_type(store, &taken.blob, err));
	}
	*ret = taken;
	return 0;
}

static int print(const struct json *doc)
{
	autobuf struct buf text = BUF_INIT;

	json_write(doc, 0, &text);
	(void)printf("%s\n", text.data); /* main checks stdout */
	return 0;
}

int layer_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autostrv struct strv lower = STRV_INIT;
	autostore struct store store = STORE_INIT;
	struct layer_source source = { .lower = &lower };
	struct layer_taken taken;
	int at = 1;

	if (at < argc && strncmp(argv[at], "--parent=", 9) == 0)
		source.parent = argv[at++] + 9;
	if (at >= argc || (source.parent && !chain_id_valid(source.parent)))
		return err_set(err, -EINVAL,
			"usage: sbx-image layer [--parent=CHAIN-ID] DIRECTORY [LOWER...]");
	source.dir = argv[at++];
	strv_set(&lower, argv + at);
	TRY(store_open(globals, true, &store, err));
	TRY(layer_take(&store, &source, &taken, err));
	json_put_string(doc, "digest", taken.blob.digest);
	json_put_string(doc, "mediaType", taken.blob.media_type);
	json_put_int(doc, "size", taken.blob.size);
	json_put_string(doc, "chainId", taken.chain_id);
	return print(doc);
}

/* ---- assemble ---- */

static int read_request(struct json **ret, struct err *err)
{
	autobuf struct buf text = BUF_INIT;

	for (;;) {
		ssize_t n;

		buf_reserve(&text, 65536);
		n = read(STDIN_FILENO, text.data + text.len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read the image's description");
		if (n == 0)
			break;
		text.len += (size_t)n;
		if (text.len > DOCUMENT_MAX)
			return err_set(err, -EFBIG, "the image's description is too long");
	}
	return json_parse(text.data, text.len, ret, err);
}

static int read_layers(
	const struct store *store, const struct json *list, struct descriptor *ret, struct err *err)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *digest = json_str(json_get(json_at(list, i), "digest"), "");

		if (!digest_valid(digest))
			return err_set(err, -EINVAL, "'%.150s' is not a layer", digest);
		(void)snprintf(ret[i].digest, sizeof(ret[i].digest), "%s", digest);
		TRY(install_layer_type(store, &ret[i], err));
	}
	return 0;
}

static int read_names(const struct json *list, struct strv *ret, struct err *err)
{
	json_each (it, list) {
		autoref struct ref ref = { 0 };

		TRY(ref_parse(json_str(it.value, ""), &ref, err));
		strv_adopt(ret, ref_full(&ref));
	}
	return 0;
}

static int assemble(const struct store *store, const struct json *request, struct err *err)
{
	const struct json *list = json_get(request, "layers");
	struct descriptor layers[LAYERS_MAX] = { { .size = 0 } }, manifest;
	struct descriptor config = { .media_type = OCI_CONFIG };
	autojson struct json *answer = json_new_map();
	autostrv struct strv names = STRV_INIT;
	char id[DIGEST_MAX];

	if (json_len(list) > LAYERS_MAX)
		return err_set(err, -E2BIG, "max depth exceeded: an image has at most %d layers",
			LAYERS_MAX);
	TRY(read_names(json_get(request, "names"), &names, err));
	TRY(read_layers(store, list, layers, err));
	TRY(install_document(store, json_get(request, "config"), &config, err));
	TRY(install_manifest(store, &config, layers, json_len(list), &manifest, err));
	TRY(install_layers(store, &manifest, NULL, id, err));
	TRY(install_names(store, &manifest, &names, err));
	json_put_string(answer, "id", id);
	json_put_string(answer, "manifest", manifest.digest);
	return print(answer);
}

int assemble_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	autojson struct json *request = NULL;
	autostore struct store store = STORE_INIT;

	(void)argv;
	if (argc != 1)
		return err_set(err, -EINVAL, "usage: sbx-image assemble <DESCRIPTION");
	TRY(read_request(&request, err));
	TRY(store_open(globals, true, &store, err));
	return assemble(&store, request, err);
}
