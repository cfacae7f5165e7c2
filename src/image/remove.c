/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx rmi` and `sbx tag`, by Docker's rules. One difference: containers use the image's layers where
 * they are, so an image that a container uses keeps its data even with --force; it only loses its
 * names. Everything happens under the index lock; data go after the index that no longer reaches
 * them is on disk.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

struct victim {
	const struct store *store;
	struct json *index;
	char id[DIGEST_MAX];
	const char *user; /* container that uses it, or NULL */
	bool running;
	struct strv repositories; /* of its tags, each once */
	size_t n_tags;
};

static void victim_done(struct victim *v)
{
	json_free(v->index);
	strv_done(&v->repositories);
}
#define autovictim __attribute__((cleanup(victim_done)))

static void count_names(struct victim *v)
{
	json_each (it, index_list(v->index)) {
		autofree char *repository = NULL, *tag = NULL;

		if (!entry_is(v->store, it.value, v->id))
			continue;
		entry_names(it.value, &repository, &tag);
		if (!tag)
			continue;
		v->n_tags++;
		if (!strv_has(&v->repositories, repository))
			strv_add(&v->repositories, repository);
	}
}

static int conflict_by_name(const struct victim *v, const char *name, struct err *err)
{
	return err_set(err, -EBUSY,
		"conflict: unable to remove repository reference \"%s\" (must force) - container %.12s is "
		"using its referenced image %.12s",
		name, v->user, v->id + 7);
}

static int conflict_by_id(const struct victim *v, bool force, struct err *err)
{
	if (v->repositories.n > 1 && !force)
		return err_set(err, -EBUSY,
			"conflict: unable to delete %.12s (must be forced) - image is referenced in "
			"multiple repositories",
			v->id + 7);
	if (v->user && v->running)
		return err_set(err, -EBUSY,
			"conflict: unable to delete %.12s (cannot be forced) - image is being used by "
			"running container %.12s",
			v->id + 7, v->user);
	if (v->user && !force)
		return err_set(err, -EBUSY,
			"conflict: unable to delete %.12s (must be forced) - image is being used by "
			"stopped container %.12s",
			v->id + 7, v->user);
	return 0;
}

static bool repository_has_tag(const struct victim *v, const char *repository, size_t except)
{
	const struct json *list = index_list(v->index);

	for (size_t i = 0; i < json_len(list); i++) {
		autofree char *other = NULL, *tag = NULL;

		if (i == except || !entry_is(v->store, json_at(list, i), v->id))
			continue;
		entry_names(json_at(list, i), &other, &tag);
		if (tag && strcmp(other, repository) == 0)
			return true;
	}
	return false;
}

/* One entry loses its name, or goes when the image has others or nobody needs it. */
static void drop_entry(struct victim *v, size_t at, bool keep, struct strv *report)
{
	struct json *entry = json_at(index_list(v->index), at);
	autofree char *repository = NULL, *tag = NULL, *digest = entry_repo_digest(entry);

	entry_names(entry, &repository, &tag);
	if (tag)
		strv_addf(report, "Untagged: %s:%s", repository, tag);
	if (digest && !repository_has_tag(v, repository, at)) {
		strv_addf(report, "Untagged: %s", digest);
		json_del(json_get(entry, "annotations"), INDEX_DIGEST);
	}
	if (keep)
		index_untag(v->index, at);
	else
		json_remove(index_list(v->index), at);
}

static void drop_all(struct victim *v, bool keep, struct strv *report)
{
	struct json *list = index_list(v->index);

	for (size_t i = json_len(list); i > 0; i--) {
		const struct json *entry = json_at(list, i - 1);

		if (entry_is(v->store, entry, v->id) && (!keep || index_note(entry, INDEX_REF)))
			drop_entry(v, i - 1, keep, report);
	}
}

static bool still_there(const struct victim *v)
{
	json_each (it, index_list(v->index)) {
		if (entry_is(v->store, it.value, v->id))
			return true;
	}
	return false;
}

/* Everything the image consists of. A damaged one names what it can. */
static void candidates_of(const struct store *store, const struct json *entry, struct strv *ret)
{
	autofound struct found found = { 0 };
	struct err ignored = ERR_INIT;

	if (index_digest(entry))
		strv_add(ret, index_digest(entry));
	if (entry_load(store, entry, &found, &ignored) < 0)
		return;
	strv_add(ret, found.manifest_digest);
	strv_add(ret, found.id);
	for (size_t i = 0; i < found.manifest.n_layers; i++)
		strv_add(ret, found.manifest.layers[i].digest);
	(void)found_chains(&found, ret, &ignored);
}

static size_t position(const struct json *list, const struct json *entry)
{
	size_t i = 0;

	while (i < json_len(list) && json_at(list, i) != entry)
		i++;
	return i;
}

/* Takes the names away; the index is not saved yet. */
static int untag(struct victim *v, const struct lookup *at, const char *name, bool force,
	struct strv *report, struct err *err)
{
	if (at->by == FOUND_BY_ID) {
		TRY(conflict_by_id(v, force, err));
		drop_all(v, v->user != NULL, report);
		return 0;
	}
	if (!force && v->user && v->n_tags <= 1)
		return conflict_by_name(v, name, err);
	drop_entry(v, position(index_list(v->index), at->entry), v->user && v->n_tags <= 1, report);
	return 0;
}

int image_remove(const struct globals *globals, const char *name, bool force,
	const struct image_users *users, struct strv *report, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autovictim struct victim v = { .store = &store };
	autostrv struct strv candidates = STRV_INIT;
	autofd int lock = -EBADF;
	struct lookup at;

	TRY(store_open(globals, false, &store, err));
	if (store.images >= 0) {
		lock = index_lock(&store, err);
		TRY(lock);
	}
	TRY(index_load(&store, &v.index, err));
	TRY(index_find(&store, v.index, name, &at, err));
	if (entry_id(&store, at.entry, v.id, &(struct err)ERR_INIT) < 0)
		(void)snprintf(v.id, sizeof(v.id), "%s", index_digest(at.entry)); /* damaged */
	if (users->fn)
		v.user = users->fn(users->data, v.id, &v.running);
	count_names(&v);
	candidates_of(&store, at.entry, &candidates);
	TRY(untag(&v, &at, name, force, report, err));
	TRY(index_save(&store, v.index, err));
	if (still_there(&v))
		return 0;
	strv_addf(report, "Deleted: %s", v.id);
	return gc_sweep(
		&store, v.index, &(struct gc_choice){ .candidates = &candidates }, report, err);
}

int image_sweep(const struct globals *globals, const struct strv *used, struct strv *report,
	struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL;
	autofd int lock = -EBADF;

	TRY(store_open(globals, false, &store, err));
	if (store.images < 0)
		return 0;
	lock = index_lock(&store, err);
	TRY(lock);
	TRY(index_load(&store, &index, err));
	return gc_sweep(&store, index, &(struct gc_choice){ .used = used }, report, err);
}

/* The entry that has exactly this name; SIZE_MAX when there is none. */
static size_t entry_with_name(const struct json *index, const char *full)
{
	const struct json *list = index_list(index);

	for (size_t i = 0; i < json_len(list); i++) {
		const char *note = index_note(json_at(list, i), INDEX_REF);

		if (note && strcmp(note, full) == 0)
			return i;
	}
	return SIZE_MAX;
}

static int untag_named(struct victim *v, const char *name, struct err *err)
{
	autofree char *full = NULL;
	autoref struct ref ref = { 0 };
	size_t at;

	TRY(ref_parse(name, &ref, err));
	full = ref_full(&ref);
	at = entry_with_name(v->index, full);
	if (at == SIZE_MAX || !entry_is(v->store, json_at(index_list(v->index), at), v->id))
		return err_set(err, -ENOENT, "%s: the image has no such tag", name);
	index_untag(v->index, at);
	return 0;
}

static int untag_all(struct victim *v)
{
	for (size_t i = json_len(index_list(v->index)); i > 0; i--) {
		const struct json *entry = json_at(index_list(v->index), i - 1);

		if (index_note(entry, INDEX_REF) && entry_is(v->store, entry, v->id))
			index_untag(v->index, i - 1);
	}
	return 0;
}

int image_untag(
	const struct globals *globals, const char *name, char *const *names, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autovictim struct victim v = { .store = &store };
	autofd int lock = -EBADF;
	struct lookup at;

	TRY(store_open(globals, false, &store, err));
	if (store.images >= 0) {
		lock = index_lock(&store, err);
		TRY(lock);
	}
	TRY(index_load(&store, &v.index, err));
	TRY(index_find(&store, v.index, name, &at, err));
	TRY(entry_id(&store, at.entry, v.id, err));
	if (!*names)
		TRY(untag_all(&v));
	for (; *names; names++)
		TRY(untag_named(&v, *names, err));
	return index_save(&store, v.index, err);
}

int image_tag(
	const struct globals *globals, const char *source, const char *target, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autojson struct json *index = NULL;
	autofree char *full = NULL;
	autoref struct ref ref = { 0 };
	autofd int lock = -EBADF;
	struct descriptor manifest = { 0 };
	struct lookup at;

	TRY(ref_parse(target, &ref, err));
	if (ref.digest)
		return err_set(err, -EINVAL, "refusing to create a tag with a digest reference");
	TRY(store_open(globals, false, &store, err));
	if (store.images >= 0) {
		lock = index_lock(&store, err);
		TRY(lock);
	}
	TRY(index_load(&store, &index, err));
	TRY(index_find(&store, index, source, &at, err));
	if (!index_digest(at.entry))
		return err_set(
			err, -EINVAL, "the image store's index.json has an entry without digest");
	(void)snprintf(manifest.digest, sizeof(manifest.digest), "%s", index_digest(at.entry));
	(void)snprintf(manifest.media_type, sizeof(manifest.media_type), "%s",
		json_str(json_get(at.entry, "mediaType"), ""));
	manifest.size = json_int(json_get(at.entry, "size"), 0);
	full = ref_full(&ref);
	TRY(index_put(&store, index, &(struct index_name){ full, NULL }, &manifest, err));
	return index_save(&store, index, err);
}
