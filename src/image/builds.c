/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the builder needs of the store: to hold it while it works on layers that have no name yet, and to
 * give images names without starting another program. The layers of builds are under <root>/build
 * (docs/formats.md); those that became layers of images are kept for later builds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

int image_hold(const struct globals *globals, struct err *err)
{
	autostore struct store store = STORE_INIT;

	TRY(store_open(globals, true, &store, err));
	return move_fd(&store.hold);
}

static bool is_named(const struct json *index, const char *name, const char *digest)
{
	json_each (it, index_list(index)) {
		const char *ref = index_note(it.value, INDEX_REF);
		const char *has = index_digest(it.value);

		if (has && strcmp(has, digest) == 0 && (!name || (ref && strcmp(ref, name) == 0)))
			return true;
	}
	return false;
}

int image_set_name(const struct globals *globals, const struct image_written *image,
	const char *name, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL;
	autofree char *full = NULL;
	autoref struct ref ref = { 0 };

	if (name) {
		TRY(ref_parse(name, &ref, err));
		if (ref.digest)
			return err_set(
				err, -EINVAL, "refusing to create a tag with a digest reference");
		full = ref_full(&ref);
	}
	TRY(store_open(globals, false, &store, err));
	TRY(index_load(&store, &index, err));
	if (is_named(index, full, image->manifest))
		return 0;
	if (!image->fresh)
		TRY(store_sync_names(&store, err));
	return store_put_ref(&store, full, image->manifest, image->size, image->media_type, err);
}

int image_layer_list(const struct globals *globals, const char *manifest, struct image_layer **ret,
	size_t *ret_n, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *entry = json_new_map();
	autofound struct found found = { 0 };
	autostrv struct strv diff_ids = STRV_INIT, chains = STRV_INIT;
	struct image_layer *list;

	json_put_string(entry, "digest", manifest);
	TRY(store_open(globals, false, &store, err));
	TRY(entry_load(&store, entry, &found, err));
	TRY(config_diff_ids(found.config, found.manifest.n_layers, &diff_ids, err));
	chain_ids(&diff_ids, &chains);
	list = xcalloc(chains.n + 1, sizeof(*list));
	for (size_t i = 0; i < chains.n; i++) {
		(void)snprintf(list[i].chain, sizeof(list[i].chain), "%s", chains.v[i]);
		(void)snprintf(list[i].diff_id, sizeof(list[i].diff_id), "%s", diff_ids.v[i]);
		(void)snprintf(
			list[i].blob, sizeof(list[i].blob), "%s", found.manifest.layers[i].digest);
	}
	*ret = list;
	*ret_n = chains.n;
	return 0;
}

/* The manifest, the configuration and the layers it names, as far as this store can tell quickly. */
bool image_is_whole(const struct globals *globals, const struct image_written *image)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *entry = json_new_map();
	autofound struct found found = { 0 };
	autostrv struct strv chains = STRV_INIT;
	struct err ignored = ERR_INIT; /* whatever is wrong, it is not whole */

	json_put_string(entry, "digest", image->manifest);
	if (store_open(globals, false, &store, &ignored) < 0 ||
		entry_load(&store, entry, &found, &ignored) < 0 ||
		found_chains(&found, &chains, &ignored) < 0)
		return false;
	for (size_t i = 0; i < chains.n; i++)
		if (!store_has_layer(&store, chains.v[i]) ||
			!store_has_blob(&store, found.manifest.layers[i].digest))
			return false;
	return true;
}

int builds_mark(const struct store *store, struct strv *ret, struct err *err)
{
	autofd int fd = openat(store->root, "build/layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = NULL;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open the build cache");
	stream = fdopendir(fd);
	if (!stream)
		return err_sys(err, "read the build cache");
	(void)move_fd(&fd); /* the stream's now */
	for (struct dirent *e = readdir(stream); e; e = readdir(stream)) {
		autofree char *path = xasprintf("%s/layer.json", e->d_name);
		autojson struct json *doc = NULL;

		if (e->d_name[0] == '.' ||
			json_read_at(dirfd(stream), path, 1 << 16, &doc, &(struct err)ERR_INIT) < 0)
			continue; /* not part of an image yet */
		strv_add(ret, json_str(json_get(doc, "chain"), ""));
		strv_add(ret, json_str(json_get(doc, "blob"), ""));
	}
	return 0;
}
