/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sbx commit` of a container that sbx has found: sbx-image commit DIRECTORY [OPTIONS] CONTAINER
 * [NAME]. The container's upper directory becomes a layer on those of its image; settings are the
 * image's with what `run` was told, as config.json of the container has them.
 */
#include "image/parcel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/changes.h"
#include "image/confined.h"
#include "image/store_private.h"

#define OCI_CONFIG "application/vnd.oci.image.config.v1+json"
#define RECORD_MAX ((size_t)64 << 20)

struct commit {
	struct store store;
	struct commit_opts opts;
	struct json *record; /* the container's config.json */
	struct found parent;
	struct layer_taken layer;
};

static void commit_done(struct commit *c)
{
	commit_opts_done(&c->opts);
	json_free(c->record);
	found_done(&c->parent);
	store_done(&c->store);
}

static int load_parent(struct commit *c, const char *dir, struct err *err)
{
	autofree char *path = xasprintf("%s/config.json", dir);
	autojson struct json *entry = json_new_map();

	TRY(json_read_at(AT_FDCWD, path, RECORD_MAX, &c->record, err));
	json_put_string(entry, "digest", json_str(json_get(c->record, "imageManifest"), NULL));
	if (!digest_valid(json_str(json_get(entry, "digest"), NULL)))
		return err_set(err, -EINVAL,
			"container %s has no image to build on (run --rootfs): 'sbx export %s | sbx import "
			"- NAME' makes one",
			c->opts.container, c->opts.container);
	if (entry_load(&c->store, entry, &c->parent, err) < 0)
		return err_wrap(err, "the image of container %s", c->opts.container);
	return 0;
}

/* ---- the layer ---- */

static int take_changes(struct commit *c, const char *dir, struct err *err)
{
	autofree char *upper = xasprintf("%s/upper", dir);
	autostrv struct strv chains = STRV_INIT, lower = STRV_INIT;
	struct layer_source source = { .dir = upper, .lower = &lower };

	if (access(upper, F_OK) < 0)
		return 0; /* it never ran */
	TRY(found_chains(&c->parent, &chains, err));
	json_strv(json_get(c->record, "layers"), &lower);
	source.parent = chains.n > 0 ? chains.v[chains.n - 1] : NULL;
	return layer_take(&c->store, &source, &c->layer, err);
}

/* ---- the settings ---- */

static void put_list(struct json *config, const char *key, const struct json *list)
{
	if (json_len(list) > 0)
		json_put(config, key, json_ref(list));
	else
		json_del(config, key);
}

/* What every container gets is no property of the image. */
static bool is_given(const struct json *record, const char *assignment)
{
	autofree char *host = xasprintf("HOSTNAME=%s", json_str(json_get(record, "hostname"), ""));

	return strcmp(assignment, host) == 0 || strcmp(assignment, "TERM=xterm") == 0 ||
	       strncmp(assignment, "HOME=", 5) == 0;
}

static void put_env(struct json *config, const struct json *record)
{
	autostrv struct strv image = STRV_INIT, env = STRV_INIT;

	json_strv(json_get(config, "Env"), &image);
	json_each (it, json_get(record, "env")) {
		const char *assignment = json_str(it.value, "");

		if (strv_has(&image, assignment) || !is_given(record, assignment))
			strv_add(&env, assignment);
	}
	json_put(config, "Env", json_new_strv(&env));
}

static void put_volumes(struct json *config, const struct json *record)
{
	json_each (it, json_get(record, "mounts")) {
		if (!json_bool(json_get(it.value, "anonymous"), false))
			continue;
		if (json_kind(json_get(config, "Volumes")) != JSON_MAP)
			json_put(config, "Volumes", json_new_map());
		json_put(json_get(config, "Volumes"),
			json_str(json_get(it.value, "destination"), "/"), json_new_map());
	}
}

static void put_unless(
	struct json *config, const char *key, const struct json *value, const char *usual)
{
	const char *text = json_str(value, usual);

	if (strcmp(text, usual) != 0)
		json_put_string(config, key, text);
}

static int merge_config(const struct commit *c, struct json *doc, struct err *err)
{
	const struct json *record = c->record;
	struct json *config = json_get(doc, "config");

	if (json_kind(config) != JSON_MAP) {
		json_put(doc, "config", json_new_map());
		config = json_get(doc, "config");
	}
	put_list(config, "Cmd", json_get(record, "cmd"));
	put_list(config, "Entrypoint", json_get(record, "entrypoint"));
	put_env(config, record);
	put_volumes(config, record);
	put_unless(config, "User", json_get(record, "user"), "");
	put_unless(config, "WorkingDir", json_get(record, "workdir"), "/");
	put_unless(config, "StopSignal", json_get(record, "stopSignal"), "SIGTERM");
	if (json_len(json_get(record, "labels")) > 0)
		json_put(config, "Labels", json_ref(json_get(record, "labels")));
	strv_each (change, &c->opts.changes)
		TRY(changes_apply(config, *change, err));
	return 0;
}

/* ---- the documents ---- */

static char *joined(const struct json *list)
{
	autobuf struct buf text = BUF_INIT;

	json_each (it, list)
		buf_addf(&text, "%s%s", text.len ? " " : "", json_str(it.value, ""));
	return buf_steal(&text);
}

static struct json *list_of(struct json *map, const char *key)
{
	if (json_kind(json_get(map, key)) != JSON_LIST)
		json_put(map, key, json_new_list());
	return json_get(map, key);
}

static void add_history(const struct commit *c, struct json *doc, const char *now)
{
	autofree char *command = joined(json_get(c->record, "cmd"));
	struct json *entry = json_new_map();

	json_put_string(entry, "created", now);
	if (c->opts.author)
		json_put_string(entry, "author", c->opts.author);
	json_put_string(entry, "created_by", command);
	if (c->opts.message)
		json_put_string(entry, "comment", c->opts.message);
	if (!*c->layer.blob.digest)
		json_put_bool(entry, "empty_layer", true);
	json_push(list_of(doc, "history"), entry);
}

static int make_config(const struct commit *c, struct descriptor *ret, struct err *err)
{
	autojson struct json *doc = NULL;
	autobuf struct buf text = BUF_INIT;
	char now[32];

	archive_now(now);
	json_write(c->parent.config, 0, &text); /* a copy of its own */
	TRY(json_parse(text.data, text.len, &doc, err));
	json_put_string(doc, "created", now);
	if (c->opts.author)
		json_put_string(doc, "author", c->opts.author);
	else
		json_del(doc, "author");
	json_del(doc, "container_config"); /* tell of the parent's making */
	json_del(doc, "container");
	TRY(merge_config(c, doc, err));
	if (*c->layer.blob.digest)
		json_push(list_of(json_get(doc, "rootfs"), "diff_ids"),
			json_new_string(c->layer.blob.digest));
	add_history(c, doc, now);
	(void)snprintf(ret->media_type, sizeof(ret->media_type), OCI_CONFIG);
	return install_document(&c->store, doc, ret, err);
}

/* The parent's layers, with the media types of OCI, and the new one. */
static int make_manifest(const struct commit *c, const struct descriptor *config,
	struct descriptor *ret, struct err *err)
{
	const struct manifest *parent = &c->parent.manifest;
	autofree struct descriptor *layers = xcalloc(parent->n_layers + 1, sizeof(*layers));
	size_t n = 0;

	for (; n < parent->n_layers; n++) {
		layers[n] = parent->layers[n];
		TRY(install_layer_type(&c->store, &layers[n], err));
	}
	if (*c->layer.blob.digest)
		layers[n++] = c->layer.blob;
	return install_manifest(&c->store, config, layers, n, ret, err);
}

static int target_name(const char *target, struct strv *ret, struct err *err)
{
	autofree char *full = NULL;
	autoref struct ref ref = { 0 };

	if (!target)
		return 0;
	TRY(ref_parse(target, &ref, err));
	if (ref.digest)
		return err_set(err, -EINVAL, "cannot commit to digest reference");
	full = ref_full(&ref);
	strv_add(ret, full);
	return 0;
}

int commit_main(const struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(commit_done))) struct commit c = { .store = STORE_INIT };
	struct descriptor config = { .size = 0 }, manifest;
	autostrv struct strv names = STRV_INIT;
	char id[DIGEST_MAX];
	const char *dir;

	if (argc < 2)
		return err_set(err, -EINVAL, "usage: sbx-image commit DIRECTORY ...");
	dir = argv[1];
	argv[1] = argv[0];
	TRY(commit_opts_parse(argc - 1, argv + 1, &c.opts, err));
	TRY(target_name(c.opts.target, &names, err));
	TRY(store_open(globals, true, &c.store, err));
	TRY(load_parent(&c, dir, err));
	TRY(store_inside(&c.store, err));
	TRY(confined_archive(&c.store, err));
	TRY(take_changes(&c, dir, err));
	TRY(make_config(&c, &config, err));
	TRY(make_manifest(&c, &config, &manifest, err));
	TRY(install_layers(&c.store, &manifest, NULL, id, err));
	TRY(install_names(&c.store, &manifest, &names, err));
	(void)printf("%s\n", id); /* main checks stdout */
	return 0;
}
