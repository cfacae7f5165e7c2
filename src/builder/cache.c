/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The build cache:
 *
 *	<root>/build/layers/<id>/upper        what one step has changed, in the layers' on-disk form
 *	<root>/build/layers/<id>/layer.json   once it is part of an image: its digests, and the chain id of
 *	                                      <root>/layers/<chain id>, where `upper` is then
 *	<root>/build/cache/<key>.json         what was asked for -> id
 *	<root>/build/.use, .moving            locks: shared by builds; while a directory gets its name
 *
 * Invariant: a record names a layer that was complete before the record was written; both appear by rename.
 * Ids are random and never used twice, and a key holds the id of the layer below: replacing a layer can
 * therefore never put another step's result on the wrong base. What was not synced yet (no layer.json) is
 * believed until the next boot only.
 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define RECORD_MAX 65536

/* ---- keys ---- */

static void add_to(struct buf *text, const char *field)
{
	if (!field)
		buf_adds(text, "-;");
	else
		buf_addf(text, "%zu:%s;", strlen(field), field);
}

void key_add(struct key *k, const char *field)
{
	add_to(&k->text, field);
	add_to(&k->portable, field);
}

void key_add_snapshot(struct key *k, const struct snapshot *snap)
{
	add_to(&k->text, snap->ident);
	add_to(&k->portable, snap->chain);
}

void key_add_int(struct key *k, int64_t n)
{
	buf_addf(&k->text, "i%lld;", (long long)n);
	buf_addf(&k->portable, "i%lld;", (long long)n);
}

void key_add_list(struct key *k, const struct strv *list)
{
	buf_addf(&k->text, "l%zu;", list->n);
	buf_addf(&k->portable, "l%zu;", list->n);
	strv_each (item, list)
		key_add(k, *item);
}

void key_end(struct key *k, char ret[SHA256_HEX])
{
	char unused[SHA256_HEX];

	key_end_both(k, ret, unused);
}

void key_end_both(struct key *k, char ret[SHA256_HEX], char ret_portable[SHA256_HEX])
{
	sha256_hex(k->text.data ? k->text.data : "", k->text.len, ret);
	sha256_hex(k->portable.data ? k->portable.data : "", k->portable.len, ret_portable);
	buf_done(&k->text);
	buf_done(&k->portable);
}

/* ---- the directories ---- */

void cache_done(struct cache *c)
{
	free(c->root);
	fd_drop(&c->build);
	fd_drop(&c->records);
	fd_drop(&c->layers);
	fd_drop(&c->use);
	*c = (struct cache)CACHE_INIT;
}

static int sub(int dir, const char *name, struct err *err)
{
	int fd;

	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return fs_err(err, dir, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open '%s' of the build cache", name) : fd;
}

int cache_open(const struct globals *globals, struct cache *ret, struct err *err)
{
	autofree char *path = xasprintf("%s/build", globals->root);
	struct cache c = CACHE_INIT;
	int r;

	TRY(fs_mkdirs(path, 0700, err));
	c.build = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.build < 0)
		return err_sys(err, "open '%s'", path);
	c.root = realpath(globals->root, NULL);
	r = c.root ? 0 : err_sys(err, "find '%s'", globals->root);
	if (r == 0)
		r = c.records = sub(c.build, "cache", err);
	if (r >= 0)
		r = c.layers = sub(c.build, "layers", err);
	if (r >= 0)
		r = c.use = fs_lock_at(c.build, ".use", false, err);
	if (r < 0) {
		cache_done(&c);
		return r;
	}
	*ret = c;
	return 0;
}

int cache_memory(const struct cache *c, struct err *err)
{
	return sub(c->build, "memory", err);
}

/* ---- records ---- */

static const char *boot_id(char ret[64])
{
	autofree char *text = NULL;

	ret[0] = '\0'; /* unknown: then nothing unsynced is believed */
	if (fs_read_at(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 256, &text, NULL,
		    &(struct err)ERR_INIT) >= 0)
		(void)snprintf(ret, 64, "%.*s", (int)strcspn(text, "\n"), text);
	return ret;
}

static bool valid_id(const char *id)
{
	return strlen(id) == LAYER_ID - 1 && strspn(id, "0123456789abcdef") == LAYER_ID - 1;
}

/* The layer's directory, relative to <root>; NULL when it is not there. Caller frees. */
static char *find_dir(const struct cache *c, const char *layer, bool *ret_synced)
{
	autofree char *record = xasprintf("%s/layer.json", layer);
	autojson struct json *doc = NULL;
	autofree char *dir = NULL, *path = NULL;
	struct stat st;

	*ret_synced = json_read_at(c->layers, record, RECORD_MAX, &doc, &(struct err)ERR_INIT) >= 0;
	if (*ret_synced) {
		dir = xasprintf("layers/%s", json_str(json_get(doc, "chain"), "-"));
		path = xasprintf("%s/%s", c->root, dir);
		if (stat(path, &st) == 0)
			return move_ptr(&dir);
		free(dir);
		free(path);
	}
	dir = xasprintf("build/layers/%s/upper", layer);
	path = xasprintf("%s/%s", c->root, dir);
	return stat(path, &st) == 0 ? move_ptr(&dir) : NULL;
}

int cache_find(const struct cache *c, const char *key, struct cached *ret)
{
	autofree char *name = xasprintf("%s.json", key), *dir = NULL;
	autojson struct json *doc = NULL;
	const char *layer, *boot;
	bool synced = false;
	char now[64];

	if (c->unwanted ||
		json_read_at(c->records, name, RECORD_MAX, &doc, &(struct err)ERR_INIT) < 0)
		return 0;
	layer = json_str(json_get(doc, "layer"), "");
	boot = json_str(json_get(doc, "boot"), "");
	if (!valid_id(layer))
		return 0;
	dir = find_dir(c, layer, &synced);
	if (!dir || (!synced && (!*boot || strcmp(boot, boot_id(now)) != 0)))
		return 0;
	(void)utimensat(c->records, name, NULL, 0); /* prune takes what was not used for long */
	(void)snprintf(ret->layer, sizeof(ret->layer), "%s", layer);
	(void)snprintf(
		ret->created, sizeof(ret->created), "%s", json_str(json_get(doc, "created"), ""));
	return 1;
}

int cache_alias(const struct cache *c, const char *key, const struct cached *what, const char *step,
	struct err *err)
{
	autofree char *name = xasprintf("%s.json", key);
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;
	char boot[64];

	json_put_int(doc, "version", 1);
	json_put_string(doc, "layer", what->layer);
	json_put_string(doc, "created", what->created);
	json_put_string(doc, "step", step);
	json_put_string(doc, "boot", boot_id(boot));
	json_write(doc, 0, &text);
	return fs_write_at(c->records, name, text.data, text.len, FS_NOSYNC, err);
}

static int new_id(char ret[LAYER_ID], struct err *err)
{
	unsigned char raw[16];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		return err_sys(err, "get a random name");
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(ret + 2 * i, 3, "%02x", raw[i]);
	return 0;
}

int cache_add(const struct cache *c, int work, const char *name, const char *key, const char *step,
	struct cached *ret, struct err *err)
{
	TRY(new_id(ret->layer, err));
	if (renameat(work, name, c->layers, ret->layer) < 0)
		return fs_err(err, c->layers, "keep a layer in the build cache");
	return key ? cache_alias(c, key, ret, step, err) : 0;
}

int cache_adopt(const struct cache *c, const struct image_layer *from, const char *key,
	const char *step, struct cached *ret, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;
	autofd int dir = -EBADF;

	TRY(new_id(ret->layer, err));
	if (mkdirat(c->layers, ret->layer, 0700) < 0)
		return fs_err(err, c->layers, "keep a layer in the build cache");
	dir = openat(c->layers, ret->layer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open a layer of the build cache");
	json_put_int(doc, "version", 1);
	json_put_string(doc, "chain", from->chain);
	json_put_string(doc, "diffId", from->diff_id);
	json_put_string(doc, "blob", from->blob);
	json_put_int(doc, "size", 0); /* it is the image's */
	json_write(doc, 0, &text);
	TRY(fs_write_at(dir, "layer.json", text.data, text.len, FS_NOSYNC, err));
	return cache_alias(c, key, ret, step, err);
}

int cache_hold_still(const struct cache *c, struct err *err)
{
	return fs_lock_at(c->build, ".moving", false, err);
}

int cache_dir(const struct cache *c, const char *layer, char **ret, struct err *err)
{
	bool synced;
	autofree char *dir = find_dir(c, layer, &synced);

	if (!dir)
		return err_set(err, -ENOENT,
			"a layer of the build cache is gone: somebody removed it. Build again");
	*ret = xasprintf("%s/%s", c->root, dir);
	return 0;
}
