/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --cache-from and --cache-to: the cache of another machine, carried by images. An image's configuration has
 * the keys of its last layers, which are hashes of how each came about: the base's digest, the instructions
 * and what they read. A step with such a key is not carried out; the image's layer is taken. Whoever is named
 * by --cache-from is believed. A folder has one archive of images, with mode=max one for each stage. What
 * cannot be imported is told and does without; what cannot be exported is an error.
 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"

#define ARCHIVE    "sbx-cache.tar"
#define ANSWER_MAX 65536

/* ---- import ---- */

/* When the layer `at`, counted from the end, was made. */
static const char *created_of(const struct json *config, size_t at)
{
	const struct json *history = json_get(config, "history");

	for (size_t i = json_len(history); i-- > 0;) {
		const struct json *entry = json_at(history, i);

		if (json_bool(json_get(entry, "empty_layer"), false))
			continue;
		if (at-- == 0)
			return json_str(json_get(entry, "created"), "");
	}
	return "";
}

/* Every key of the list "k1 k2". */
static void add_keys(
	struct build *b, const char *keys, const struct image_layer *layer, const char *created)
{
	autofree char *copy = xstrdup(keys);
	char *rest = copy, *key;

	while ((key = strsep(&rest, " ")) != NULL) {
		struct imported *entry;

		if (strlen(key) != SHA256_HEX - 1)
			continue;
		b->imported = xreallocarray(b->imported, b->n_imported + 1, sizeof(*entry));
		entry = &b->imported[b->n_imported++];
		*entry = (struct imported){ .layer = *layer };
		(void)snprintf(entry->key, sizeof(entry->key), "%s", key);
		(void)snprintf(entry->created, sizeof(entry->created), "%s", created);
	}
}

static int import_image(struct build *b, const char *name, struct err *err)
{
	autoimage struct image image = { 0 };
	autofree struct image_layer *layers = NULL;
	const struct json *keys;
	size_t n, n_keys;

	TRY(image_resolve(b->globals, name, &image, err));
	TRY(image_layer_list(b->globals, image.manifest, &layers, &n, err));
	keys = json_get(image.config, CACHE_KEYS);
	n_keys = json_len(keys);
	if (n_keys == 0 || n_keys > n)
		return err_set(err, -ENOENT,
			"it has no keys of a build cache: make it with --cache-to type=inline");
	for (size_t i = 0; i < n_keys; i++)
		add_keys(b, json_str(json_at(keys, i), ""), &layers[n - n_keys + i],
			created_of(image.config, n_keys - 1 - i));
	return 0;
}

/* The output of sbx-image. */
static int ask_helper(struct build *b, char *const *args, char **ret, struct err *err)
{
	autofd int fd = memfd_create("sbx-answer", MFD_CLOEXEC);
	autofree char *path = xasprintf("/proc/self/fd/%d", fd);
	int status;

	if (fd < 0)
		return err_sys(err, "memory for an answer");
	status = image_helper(b->globals, args, fd, err);
	if (status > 0)
		return err_set(err, -EIO, "it could not be read");
	TRY(status);
	return fs_read_at(AT_FDCWD, path, ANSWER_MAX, ret, NULL, err);
}

static int import_registry(struct build *b, const struct build_cache *from, struct err *err)
{
	autoimage struct image here = { 0 };
	autofree char *answer = NULL;
	char *args[] = { (char *)"pull", (char *)"--quiet", (char *)"--", from->where, NULL };

	if (from->asked || image_resolve(b->globals, from->where, &here, err) < 0)
		TRY(ask_helper(b, args, &answer, err));
	return import_image(b, from->where, err);
}

static int import_folder(struct build *b, const struct build_cache *from, struct err *err)
{
	static const char mark[] = "Loaded image ID: ";
	autofree char *path = xasprintf("%s/" ARCHIVE, from->where), *answer = NULL;
	char *args[] = { (char *)"load", (char *)"--input", path, NULL };
	char *rest, *line;

	if (access(path, R_OK) < 0)
		return err_sys(err, "'%s'", path);
	TRY(ask_helper(b, args, &answer, err));
	for (rest = answer; (line = strsep(&rest, "\n")) != NULL;)
		if (strncmp(line, mark, sizeof(mark) - 1) == 0)
			TRY(import_image(b, line + sizeof(mark) - 1, err));
	return 0;
}

int cache_import(struct build *b, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < b->opts->n_cache_from && !b->opts->no_cache; i++) {
		const struct build_cache *from = &b->opts->cache_from[i];
		autofree char *name = xasprintf("importing cache manifest from %s", from->where);
		uint32_t vertex = VERTEX_METADATA + (uint32_t)i;
		struct err why = ERR_INIT;
		int r;

		report(b, REPORT_START, vertex, name);
		r = from->type == CACHE_LOCAL ? import_folder(b, from, &why)
					      : import_registry(b, from, &why);
		if (r < 0)
			report(b, REPORT_ERROR, vertex, why.text);
		else
			report(b, REPORT_DONE, vertex, NULL);
		if (r < 0 && !b->opts->quiet)
			log_msg(LOG_WARN, "no cache from %s: %s", from->where, why.text);
	}
	return 0;
}

/* ---- export ---- */

static void put_keys(const struct snapshot *snap)
{
	json_put(snap->doc, CACHE_KEYS, json_new_strv(&snap->keys));
}

void cache_export_keys(const struct build *b, const struct snapshot *result)
{
	if (b->opts->n_cache_to > 0)
		put_keys(result);
}

static int push_cache(struct build *b, const struct image_written *image,
	const struct build_cache *to, struct err *err)
{
	char *args[] = { (char *)"push", (char *)"--quiet", to->where, NULL };
	int status;

	TRY(image_set_name(b->globals, image, to->where, err));
	status = image_helper(b->globals, args, STDERR_FILENO, err);
	if (status > 0) /* it has said why */
		return err_told(err, -EIO, 1);
	return status;
}

/* Without a name, until `image prune` takes it. */
static int make_image(
	struct build *b, const struct snapshot *snap, struct image_written *ret, struct err *err)
{
	TRY(export_compose(b, snap, ret, err));
	return image_set_name(b->globals, ret, NULL, err);
}

/* An image of every stage that was built; stages that are the start of others add nothing to carry. */
static int stage_images(struct build *b, struct strv *ret, struct err *err)
{
	for (size_t i = 0; i < b->stages.n; i++) {
		const struct snapshot *snap;
		struct image_written image;

		if (!b->stages.all[i].needed || i == b->stages.target)
			continue;
		TRY(stage_result(b, i, false, &snap, err));
		if (snap->layers.n == 0)
			continue;
		put_keys(snap);
		TRY(make_image(b, snap, &image, err));
		strv_add(ret, image.id);
	}
	return 0;
}

static int save_cache(struct build *b, const struct image_written *image,
	const struct build_cache *to, struct err *err)
{
	autofree char *path = xasprintf("%s/" ARCHIVE, to->where);
	autostrv struct strv args = STRV_INIT;
	int status;

	TRY(fs_mkdirs(to->where, 0755, err));
	strv_add(&args, "save");
	strv_add(&args, "--output");
	strv_add(&args, path);
	strv_add(&args, image->id);
	if (to->max)
		TRY(stage_images(b, &args, err));
	status = image_helper(b->globals, args.v, STDERR_FILENO, err);
	if (status > 0)
		return err_told(err, -EIO, 1);
	return status;
}

int cache_export(struct build *b, struct err *err)
{
	struct image_written image;
	bool made = false;

	for (size_t i = 0; i < b->opts->n_cache_to; i++) {
		const struct build_cache *to = &b->opts->cache_to[i];

		if (to->type == CACHE_INLINE)
			continue;
		if (!made)
			TRY(make_image(b, &b->runs[b->stages.target].snap, &image, err));
		made = true;
		TRY(to->type == CACHE_LOCAL ? save_cache(b, &image, to, err)
					    : push_cache(b, &image, to, err));
	}
	return 0;
}
