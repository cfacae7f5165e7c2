/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx inspect IMAGE`: Docker's object, from the config document and the store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

static void add_once(struct strv *list, const char *s)
{
	if (s && !strv_has(list, s))
		strv_add(list, s);
}

static void put_names(
	const struct store *store, const struct json *index, const char *id, struct json *out)
{
	autostrv struct strv tags = STRV_INIT, digests = STRV_INIT;

	json_each (it, index_list(index)) {
		autofree char *repository = NULL, *tag = NULL, *both = NULL, *digest = NULL;

		if (!entry_is(store, it.value, id))
			continue;
		entry_names(it.value, &repository, &tag);
		if (tag)
			both = xasprintf("%s:%s", repository, tag);
		digest = entry_repo_digest(it.value);
		add_once(&tags, both);
		add_once(&digests, digest);
	}
	json_put(out, "RepoTags", json_new_strv(&tags));
	json_put(out, "RepoDigests", json_new_strv(&digests));
}

static void copy_string(
	struct json *out, const char *name, const struct json *config, const char *key)
{
	json_put_string(out, name, json_str(json_get(config, key), ""));
}

static void put_comment(struct json *out, const struct json *config)
{
	const struct json *history = json_get(config, "history");
	const struct json *last = json_at(history, json_len(history) ? json_len(history) - 1 : 0);

	json_put_string(out, "Comment", json_str(json_get(last, "comment"), ""));
}

static void put_rootfs(struct json *out, const struct store *store, const struct found *found)
{
	struct json *rootfs = json_new_map(), *driver = json_new_map(), *data = json_new_map();
	autostrv struct strv chains = STRV_INIT, diff_ids = STRV_INIT;
	autobuf struct buf lower = BUF_INIT;

	if (config_diff_ids(
		    found->config, found->manifest.n_layers, &diff_ids, &(struct err)ERR_INIT) == 0)
		chain_ids(&diff_ids, &chains);
	for (size_t i = chains.n; i > 0; i--)
		buf_addf(&lower, "%s%s/%s", lower.len ? ":" : "", store->layers_path,
			chains.v[i - 1]);
	json_put_string(data, "LowerDir", lower.data ? lower.data : "");
	json_put(driver, "Data", data);
	json_put_string(driver, "Name", "overlay");
	json_put(out, "GraphDriver", driver);
	json_put_string(rootfs, "Type", "layers");
	json_put(rootfs, "Layers", json_new_strv(&diff_ids));
	json_put(out, "RootFS", rootfs);
}

/* Docker's object has these whether or not the image does, and templates ask for them. */
static struct json *put_config(const struct json *config)
{
	static const char *const texts[] = { "User", "WorkingDir" };
	static const char *const others[] = { "Env", "Cmd", "Volumes", "Entrypoint", "OnBuild",
		"Labels" };
	struct json *out = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		json_put_string(out, texts[i], "");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		json_put(out, others[i], json_new_null());
	json_each (it, config)
		json_put(out, it.key, json_ref(it.value));
	return out;
}

int image_inspect(
	const struct globals *globals, const char *name, struct json **ret, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL, *out = json_new_map();
	autofound struct found found = { 0 };
	struct lookup at;

	TRY(store_open(globals, false, &store, err));
	TRY(index_load(&store, &index, err));
	TRY(index_find(&store, index, name, &at, err));
	if (entry_load(&store, at.entry, &found, err) < 0) {
		if (err->code == -ENOENT)
			err->code = -EUCLEAN;
		return err_wrap(err, "image %s", name);
	}
	json_put_string(out, "Id", found.id);
	put_names(&store, index, found.id, out);
	json_put_string(out, "Parent", "");
	put_comment(out, found.config);
	copy_string(out, "Created", found.config, "created");
	copy_string(out, "DockerVersion", found.config, "docker_version");
	copy_string(out, "Author", found.config, "author");
	json_put(out, "Config", put_config(json_get(found.config, "config")));
	copy_string(out, "Architecture", found.config, "architecture");
	if (json_get(found.config, "variant"))
		copy_string(out, "Variant", found.config, "variant");
	copy_string(out, "Os", found.config, "os");
	json_put_int(out, "Size", found_size(&store, &found, NULL));
	put_rootfs(out, &store, &found);
	*ret = move_ptr(&out);
	return 0;
}
