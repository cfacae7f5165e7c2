/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what the user typed to an image. On the hot path of `sbx run`: no locks, no processes, one
 * read of index.json, one of the manifest, one of the config, and one or two calls per layer.
 * Order as in Docker: a whole id, then a reference, then the prefix of an id.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/store_private.h"

#define INDEX_DEPTH 4

void found_done(struct found *found)
{
	manifest_done(&found->manifest);
	json_free(found->config);
	*found = (struct found){ 0 };
}

void image_done(struct image *image)
{
	free(image->ref);
	strv_done(&image->layers);
	json_free(image->config);
	strv_done(&image->entrypoint);
	strv_done(&image->cmd);
	strv_done(&image->env);
	strv_done(&image->volumes);
	strv_done(&image->exposed_ports);
	free(image->user);
	free(image->workdir);
	free(image->stop_signal);
	*image = (struct image){ 0 };
}

/* Reads the entry's manifest; other tools may have put a whole index there. */
static int load_manifest(
	const struct store *store, const struct json *entry, struct found *f, struct err *err)
{
	const char *digest = index_digest(entry);
	struct descriptor next;

	if (!digest)
		return err_set(
			err, -EINVAL, "the image store's index.json has an entry without digest");
	(void)snprintf(f->manifest_digest, sizeof(f->manifest_digest), "%s", digest);
	for (int depth = 0; depth < INDEX_DEPTH; depth++) {
		autobuf struct buf text = BUF_INIT;

		TRY(store_read_blob(store, f->manifest_digest, MANIFEST_MAX, &text, err));
		manifest_done(&f->manifest);
		TRY(manifest_parse(text.data, text.len, NULL, &f->manifest, err));
		if (f->manifest.kind == DOC_MANIFEST) {
			(void)snprintf(f->id, sizeof(f->id), "%s", f->manifest.config.digest);
			return 0;
		}
		TRY(manifest_select(&f->manifest, NULL, &next, err));
		(void)snprintf(f->manifest_digest, sizeof(f->manifest_digest), "%s", next.digest);
	}
	return err_set(err, -ELOOP, "the image is an index of an index of an index: refused");
}

int entry_load(
	const struct store *store, const struct json *entry, struct found *ret, struct err *err)
{
	autofound struct found f = { .entry = entry };
	autobuf struct buf text = BUF_INIT;

	TRY(load_manifest(store, entry, &f, err));
	TRY(store_read_blob(store, f.id, CONFIG_MAX, &text, err));
	if (json_parse(text.data, text.len, &f.config, err) < 0)
		return err_wrap(err, "the image's config is malformed");
	*ret = f;
	f = (struct found){ 0 };
	return 0;
}

int entry_id(
	const struct store *store, const struct json *entry, char ret[DIGEST_MAX], struct err *err)
{
	const char *known = index_note(entry, INDEX_ID);
	autofound struct found f = { 0 };

	if (digest_valid(known)) {
		(void)snprintf(ret, DIGEST_MAX, "%s", known);
		return 0;
	}
	TRY(load_manifest(store, entry, &f, err));
	(void)snprintf(ret, DIGEST_MAX, "%s", f.id);
	return 0;
}

int found_chains(const struct found *found, struct strv *ret, struct err *err)
{
	autostrv struct strv diff_ids = STRV_INIT;

	TRY(config_diff_ids(found->config, found->manifest.n_layers, &diff_ids, err));
	chain_ids(&diff_ids, ret);
	return 0;
}

/* 1..128 digits that may be (the start of) an id, after an optional "sha256:". */
static const char *id_digits(const char *name)
{
	const char *hex = strncmp(name, "sha256:", 7) == 0 ? name + 7 : name;
	size_t n = strspn(hex, "0123456789abcdef");

	return n > 0 && n <= 64 && hex[n] == '\0' ? hex : NULL;
}

/* The repository of an entry equals that of ref, and one of its digests is ref's. */
static bool digest_matches(const struct json *entry, const struct ref *ref)
{
	autofree char *repo = xasprintf("%s/%s", ref->domain, ref->path);
	const char *pulled = index_note(entry, INDEX_DIGEST);
	const char *name = index_note(entry, INDEX_REF);
	const char *digest = index_digest(entry);
	size_t len = strlen(repo);

	if (pulled && strncmp(pulled, repo, len) == 0 && pulled[len] == '@' &&
		(strcmp(pulled + len + 1, ref->digest) == 0 ||
			(digest && strcmp(digest, ref->digest) == 0)))
		return true;
	return name && strncmp(name, repo, len) == 0 && name[len] == ':' && digest &&
	       strcmp(digest, ref->digest) == 0;
}

static const struct json *find_ref(const struct json *index, const struct ref *ref)
{
	autofree char *full = ref->digest ? NULL : ref_full(ref);

	json_each (it, index_list(index)) {
		const char *name = index_note(it.value, INDEX_REF);

		if (ref->digest && digest_matches(it.value, ref))
			return it.value;
		if (full && name && strcmp(name, full) == 0)
			return it.value;
	}
	return NULL;
}

/* Entries that other tools wrote may have damaged manifests: those cannot be meant by an id. */
static int find_id(const struct store *store, const struct json *index, const char *hex,
	const struct json **ret, struct err *err)
{
	const struct json *match = NULL;
	char id[DIGEST_MAX], first[DIGEST_MAX] = "";
	size_t len = strlen(hex);

	json_each (it, index_list(index)) {
		if (entry_id(store, it.value, id, &(struct err)ERR_INIT) < 0)
			continue;
		if (strncmp(id + 7, hex, len) != 0)
			continue;
		if (match && strcmp(id, first) != 0)
			return err_set(err, -ENOTUNIQ,
				"image id %s is ambiguous: it begins %.12s and %.12s", hex,
				first + 7, id + 7);
		(void)snprintf(first, sizeof(first), "%s", id);
		if (!match || index_note(it.value, INDEX_REF))
			match = match && index_note(match, INDEX_REF) ? match : it.value;
	}
	*ret = match;
	return match ? 0 : -ENOENT;
}

static int no_such_image(const char *name, const struct ref *ref, struct err *err)
{
	autofree char *familiar = ref && ref->path ? ref_familiar(ref) : NULL;

	return err_set(err, -ENOENT, "No such image: %s", familiar ? familiar : name);
}

int index_find(const struct store *store, const struct json *index, const char *name,
	struct lookup *ret, struct err *err)
{
	const char *hex = id_digits(name);
	autoref struct ref ref = { 0 };
	struct lookup found = { .by = FOUND_BY_ID };
	struct err why = ERR_INIT;
	int r;

	if (hex && strlen(hex) == 64) {
		r = find_id(store, index, hex, &found.entry, err);
		if (r != -ENOENT)
			*ret = found;
		return r == -ENOENT ? no_such_image(name, NULL, err) : r;
	}
	if (ref_parse(name, &ref, &why) == 0) {
		found.by = ref.digest ? FOUND_BY_DIGEST : FOUND_BY_REF;
		found.entry = find_ref(index, &ref);
	} else if (!hex) {
		*err = why;
		return why.code;
	}
	if (found.entry) {
		*ret = found;
		return 0;
	}
	found.by = FOUND_BY_ID;
	r = hex ? find_id(store, index, hex, &found.entry, err) : -ENOENT;
	if (r == -ENOENT)
		return no_such_image(name, &ref, err);
	TRY(r);
	*ret = found;
	return 0;
}

/* A layer whose root is opaque hides all that is below it; overlayfs itself does not look there. */
static int add_layer(
	const struct store *store, const char *chain, struct strv *layers, struct err *err)
{
	autofree char *path = xasprintf("%s/%s", store->layers_path, chain);
	autofree char *record = xasprintf("%s.json", path);
	char opaque;

	if (!store_has_layer(store, chain))
		return err_id(err, -EUCLEAN, "E-IMAGE-DAMAGED",
			"layer %.12s of the image is missing from the store. Pull the image again: "
			"that unpacks only what is missing",
			chain);
	if (lgetxattr(record, LAYER_OPAQUE, &opaque, 1) == 1 && opaque == 'y') {
		strv_done(layers);
		*layers = (struct strv)STRV_INIT;
	}
	strv_adopt(layers, move_ptr(&path));
	return 0;
}

int image_resolve(
	const struct globals *globals, const char *name, struct image *ret, struct err *err)
{
	autostore struct store store = STORE_INIT;
	autoimage struct image image = { 0 };
	autojson struct json *index = NULL;
	autofound struct found found = { 0 };
	autostrv struct strv chains = STRV_INIT;
	struct lookup at;

	TRY(store_open(globals, false, &store, err));
	TRY(index_load(&store, &index, err));
	TRY(index_find(&store, index, name, &at, err));
	if (entry_load(&store, at.entry, &found, err) < 0 ||
		found_chains(&found, &chains, err) < 0) {
		if (err->code == -ENOENT)
			err->code = -EUCLEAN; /* the image is here, a part of it is not */
		return err_wrap(err, "image %s", name);
	}
	strv_each (chain, &chains)
		TRY(add_layer(&store, *chain, &image.layers, err));
	TRY(config_apply(found.config, &image, err));
	image.ref = xstrdup(name);
	(void)snprintf(image.id, sizeof(image.id), "%s", found.id);
	(void)snprintf(image.manifest, sizeof(image.manifest), "%s", found.manifest_digest);
	image.config = move_ptr(&found.config);
	*ret = image;
	image = (struct image){ 0 };
	return 0;
}

int image_restore(
	const struct json *config, const struct strv *layers, struct image *ret, struct err *err)
{
	autoimage struct image image = { 0 };

	strv_each (layer, layers) {
		if (access(*layer, X_OK) < 0)
			return err_id(err, -EUCLEAN, "E-IMAGE-DAMAGED",
				"layer %s of the container's image is missing from the store. "
				"Pull the image again: that unpacks only what is missing",
				*layer);
	}
	TRY(config_apply(config, &image, err));
	strv_extend(&image.layers, layers);
	image.config = json_ref(config);
	*ret = image;
	image = (struct image){ 0 };
	return 0;
}

int image_from_directory(const char *path, struct image *ret, struct err *err)
{
	autofree char *real = realpath(path, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_sys(err, "root directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "root directory '%s': not a directory", path);
	*ret = (struct image){ .ref = xstrdup(path), .config = json_new_map() };
	strv_adopt(&ret->layers, move_ptr(&real));
	return 0;
}
