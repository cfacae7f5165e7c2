/* SPDX-License-Identifier: Apache-2.0 */
/*
 * index.json: which manifests there are and what they are called. One file, replaced as a whole by
 * whoever holds its lock; readers see the old or the new one. Entries that other tools wrote are kept
 * with all their fields.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

#define INDEX_MAX ((size_t)64 << 20)

static struct json *new_index(void)
{
	struct json *index = json_new_map();

	json_put_int(index, "schemaVersion", 2);
	json_put_string(index, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_put(index, "manifests", json_new_list());
	return index;
}

int index_load(const struct store *store, struct json **ret, struct err *err)
{
	autojson struct json *index = NULL;
	struct err why = ERR_INIT;
	int r = -ENOENT;

	if (store->images >= 0)
		r = json_read_at(store->images, "index.json", INDEX_MAX, &index, &why);
	if (r == -ENOENT) {
		*ret = new_index();
		return 0;
	}
	if (r < 0) {
		*err = why;
		return err_wrap(err, "the image store's index is damaged");
	}
	if (json_kind(json_get(index, "manifests")) != JSON_LIST)
		return err_set(err, -EINVAL,
			"the image store's index.json is damaged: it has no list "
			"of manifests");
	*ret = move_ptr(&index);
	return 0;
}

int index_lock(const struct store *store, struct err *err)
{
	return fs_lock_at(store->images, ".index.lock", true, err);
}

int index_save(const struct store *store, const struct json *index, struct err *err)
{
	autobuf struct buf out = BUF_INIT;

	json_write(index, 0, &out);
	buf_addc(&out, '\n');
	return fs_write_at(store->images, "index.json", out.data, out.len,
		store_synced() ? FS_SYNC : FS_NOSYNC, err);
}

struct json *index_list(const struct json *index)
{
	return json_get(index, "manifests");
}

const char *index_note(const struct json *entry, const char *annotation)
{
	return json_str(json_path(entry, "annotations", annotation, NULL), NULL);
}

const char *index_digest(const struct json *entry)
{
	const char *digest = json_str(json_get(entry, "digest"), NULL);

	return digest_valid(digest) ? digest : NULL;
}

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

void index_untag(struct json *index, size_t at)
{
	struct json *list = index_list(index);
	struct json *entry = json_at(list, at);

	for (size_t i = 0; i < json_len(list); i++) {
		if (i != at && same(index_digest(json_at(list, i)), index_digest(entry))) {
			json_remove(list, at);
			return;
		}
	}
	json_del(json_get(entry, "annotations"), INDEX_REF);
}

static void put_note(struct json *entry, const char *key, const char *value)
{
	struct json *notes = json_get(entry, "annotations");

	if (json_kind(notes) != JSON_MAP) {
		json_put(entry, "annotations", json_new_map());
		notes = json_get(entry, "annotations");
	}
	json_put_string(notes, key, value);
}

/* "docker.io/library/redis:latest@sha256:…" → name with tag (or NULL), "docker.io/…/redis@sha256:…" */
static int split_ref(const char *ref, char **ret_tag, char **ret_digest, struct err *err)
{
	const char *at = ref ? strchr(ref, '@') : NULL;
	size_t len = ref ? (at ? (size_t)(at - ref) : strlen(ref)) : 0;
	autofree char *name = xstrndup(ref ? ref : "", len);
	const char *slash = strrchr(name, '/');
	char *colon = strchr(slash ? slash : name, ':');

	*ret_tag = NULL;
	*ret_digest = NULL;
	if (at && !digest_valid(at + 1))
		return err_set(err, -EINVAL, "'%s' is not a digest", at + 1);
	if (colon)
		*ret_tag = xstrdup(name);
	if (colon)
		*colon = '\0';
	if (at)
		*ret_digest = xasprintf("%s%s", name, at);
	return 0;
}

/* The entry to write into: the one with this name, or an unnamed one of this manifest. */
static struct json *take_entry(struct json *index, const char *name, const char *digest)
{
	struct json *list = index_list(index);
	struct json *entry;

	for (size_t i = 0; name && i < json_len(list); i++) {
		entry = json_at(list, i);
		if (!same(index_note(entry, INDEX_REF), name))
			continue;
		if (same(index_digest(entry), digest))
			return entry;
		index_untag(index, i);
		break;
	}
	for (size_t i = 0; i < json_len(list); i++) {
		entry = json_at(list, i);
		if (same(index_digest(entry), digest) && (!name || !index_note(entry, INDEX_REF)))
			return entry;
	}
	entry = json_new_map();
	json_push(list, entry);
	return json_at(list, json_len(list) - 1);
}

int index_put(const struct store *store, struct json *index, const struct index_name *name,
	const struct descriptor *manifest, struct err *err)
{
	struct entry_facts facts;
	struct json *entry;
	char id[DIGEST_MAX];

	if (!store_has_blob(store, manifest->digest))
		return err_set(err, -ENOENT, "manifest %s is not in the store", manifest->digest);
	entry = take_entry(index, name->tag, manifest->digest);
	json_put_string(entry, "mediaType", manifest->media_type);
	json_put_string(entry, "digest", manifest->digest);
	json_put_int(entry, "size", manifest->size);
	if (name->tag)
		put_note(entry, INDEX_REF, name->tag);
	if (name->repo_digest)
		put_note(entry, INDEX_DIGEST, name->repo_digest);
	if (!index_note(entry, INDEX_ID)) {
		TRY(entry_id(store, entry, id, err));
		put_note(entry, INDEX_ID, id);
	}
	if (!entry_facts(entry, &facts))
		entry_note_facts(store, entry);
	return 0;
}

/* The names of blobs and layers, all at once: an image's name on disk promises that they are there. */
int store_sync_names(const struct store *store, struct err *err)
{
	if (store_synced() && (fsync(store->blobs) < 0 || fsync(store->layers) < 0))
		return err_sys(err, "write the names of an image's parts to disk");
	return 0;
}

int store_set_ref(const struct store *store, const char *ref, const char *manifest_digest,
	int64_t manifest_size, const char *media_type, struct err *err)
{
	TRY(store_sync_names(store, err));
	return store_put_ref(store, ref, manifest_digest, manifest_size, media_type, err);
}

int store_put_ref(const struct store *store, const char *ref, const char *manifest_digest,
	int64_t manifest_size, const char *media_type, struct err *err)
{
	struct descriptor manifest = { .size = manifest_size };
	autofree char *tag = NULL, *repo_digest = NULL;
	autojson struct json *index = NULL;
	autofd int lock = -EBADF;

	TRY(split_ref(ref, &tag, &repo_digest, err));
	if (!digest_valid(manifest_digest))
		return err_set(err, -EINVAL, "'%s' is not a digest", manifest_digest);
	(void)snprintf(manifest.digest, sizeof(manifest.digest), "%s", manifest_digest);
	(void)snprintf(manifest.media_type, sizeof(manifest.media_type), "%s", media_type);
	lock = index_lock(store, err);
	TRY(lock);
	TRY(index_load(store, &index, err));
	TRY(index_put(store, index, &(struct index_name){ tag, repo_digest }, &manifest, err));
	return index_save(store, index, err);
}
