/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define SNAPSHOT_MAX ((size_t)64 << 20)

void snapshot_done(struct snapshot *s)
{
	strv_done(&s->base_dirs);
	strv_done(&s->layers);
	strv_done(&s->args);
	strv_done(&s->arg_names);
	strv_done(&s->keys);
	json_free(s->doc);
	*s = (struct snapshot){ 0 };
}

static struct json *json_copy(const struct json *from)
{
	autobuf struct buf text = BUF_INIT;
	struct json *copy = NULL;

	json_write(from, 0, &text);
	if (json_parse(text.data, text.len, &copy, &(struct err)ERR_INIT) < 0)
		return json_new_map(); /* cannot be: it was written by the same library */
	return copy;
}

void snapshot_copy(const struct snapshot *from, struct snapshot *ret)
{
	*ret = *from;
	ret->base_dirs = ret->layers = ret->args = ret->arg_names = ret->keys =
		(struct strv)STRV_INIT;
	strv_extend(&ret->keys, &from->keys);
	strv_extend(&ret->base_dirs, &from->base_dirs);
	strv_extend(&ret->layers, &from->layers);
	strv_extend(&ret->args, &from->args);
	strv_extend(&ret->arg_names, &from->arg_names);
	ret->doc = json_copy(from->doc);
}

static struct json *member(struct json *map, const char *key, bool list)
{
	struct json *value = json_get(map, key);

	if (json_kind(value) != (list ? JSON_LIST : JSON_MAP)) {
		json_put(map, key, list ? json_new_list() : json_new_map());
		value = json_get(map, key);
	}
	return value;
}

struct json *snapshot_config(const struct snapshot *s)
{
	return member(s->doc, "config", false);
}

void snapshot_scratch(struct snapshot *ret, const char *platform)
{
	autofree char *os = xstrdup(platform);
	char *arch = strchr(os, '/'), *variant;
	struct key key = { 0 };

	*arch++ = '\0'; /* judged when the options were read */
	variant = strchr(arch, '/');
	if (variant)
		*variant++ = '\0';
	*ret = (struct snapshot){ .doc = json_new_map() };
	json_put_string(ret->doc, "architecture", arch);
	if (variant)
		json_put_string(ret->doc, "variant", variant);
	json_put_string(ret->doc, "os", os);
	json_put(ret->doc, "config", json_new_map());
	json_put(ret->doc, "history", json_new_list());
	key_add(&key, "scratch");
	key_end_both(&key, ret->ident, ret->chain);
}

/* What tells of the image's own making is no property of ours. */
static void forget_origin(struct json *doc)
{
	static const char *const keys[] = { "container", "container_config", "rootfs", "id",
		"parent", "docker_version", "throwaway", "parent_id", "layer_id",
		"moby.buildkit.buildinfo.v1", "moby.buildkit.cache.v0", CACHE_KEYS };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_del(doc, keys[i]);
}

int snapshot_image(
	const struct image *image, struct snapshot *ret, struct strv *ret_triggers, struct err *err)
{
	struct snapshot s = { .doc = json_copy(image->config) };
	struct key key = { 0 };

	(void)err;
	(void)snprintf(s.base, sizeof(s.base), "%s", image->manifest);
	strv_extend(&s.base_dirs, &image->layers);
	(void)snprintf(
		s.created, sizeof(s.created), "%.39s", json_str(json_get(s.doc, "created"), ""));
	forget_origin(s.doc);
	json_strv(json_get(snapshot_config(&s), "OnBuild"), ret_triggers);
	json_del(snapshot_config(&s), "OnBuild");
	key_add(&key, "image");
	key_add(&key, image->manifest);
	key_end_both(&key, s.ident, s.chain);
	*ret = s;
	return 0;
}

int snapshot_save(const struct snapshot *s, int dir, const char *name, struct err *err)
{
	autojson struct json *doc = json_new_map();
	autobuf struct buf text = BUF_INIT;

	json_put_string(doc, "base", s->base);
	json_put_string(doc, "ident", s->ident);
	json_put_string(doc, "chain", s->chain);
	json_put(doc, "keys", json_new_strv(&s->keys));
	json_put_string(doc, "created", s->created);
	json_put(doc, "dirs", json_new_strv(&s->base_dirs));
	json_put(doc, "layers", json_new_strv(&s->layers));
	json_put(doc, "args", json_new_strv(&s->args));
	json_put(doc, "names", json_new_strv(&s->arg_names));
	json_put(doc, "doc", json_ref(s->doc));
	json_write(doc, 0, &text);
	return fs_write_at(dir, name, text.data, text.len, FS_NOSYNC, err);
}

int snapshot_load(int dir, const char *name, struct snapshot *ret, struct err *err)
{
	autojson struct json *doc = NULL;
	struct snapshot s = { .cmd_set = false };

	TRY(json_read_at(dir, name, SNAPSHOT_MAX, &doc, err));
	(void)snprintf(s.base, sizeof(s.base), "%s", json_str(json_get(doc, "base"), ""));
	(void)snprintf(s.ident, sizeof(s.ident), "%s", json_str(json_get(doc, "ident"), ""));
	(void)snprintf(s.created, sizeof(s.created), "%s", json_str(json_get(doc, "created"), ""));
	(void)snprintf(s.chain, sizeof(s.chain), "%s", json_str(json_get(doc, "chain"), ""));
	json_strv(json_get(doc, "keys"), &s.keys);
	json_strv(json_get(doc, "dirs"), &s.base_dirs);
	json_strv(json_get(doc, "layers"), &s.layers);
	json_strv(json_get(doc, "args"), &s.args);
	json_strv(json_get(doc, "names"), &s.arg_names);
	s.doc = json_copy(json_get(doc, "doc"));
	*ret = s;
	return 0;
}

void snapshot_push(struct snapshot *s, const char *layer, const char *created, const char *portable)
{
	struct key key = { 0 };
	autofree char *first = xstrndup(portable, strcspn(portable, " "));
	char unused[SHA256_HEX];

	key_add(&key, "portable");
	key_add(&key, first);
	key_end_both(&key, unused, s->chain);
	strv_add(&s->layers, layer);
	strv_add(&s->keys, portable);
	(void)snprintf(s->created, sizeof(s->created), "%s", created);
	key_add(&key, "layer");
	key_add(&key, layer);
	key_end(&key, s->ident);
}

/* The name of a file system is its newest layer's, which a key has bound to what is below. Not so that of a
 * layer of its own: it may lie on anything, so both make the name. */
void snapshot_push_linked(
	struct snapshot *s, const char *layer, const char *created, const char *portable)
{
	char ident[SHA256_HEX], chain[SHA256_HEX];
	struct key key = { 0 };

	memcpy(ident, s->ident, sizeof(ident));
	memcpy(chain, s->chain, sizeof(chain));
	snapshot_push(s, layer, created, portable);
	buf_adds(&key.text, ident);
	buf_adds(&key.portable, chain);
	key_add_snapshot(&key, s);
	key_end_both(&key, s->ident, s->chain);
}

const char *time_text(int64_t epoch, char ret[40])
{
	struct timespec now = { .tv_sec = (time_t)epoch };
	struct tm tm = { 0 };
	size_t n;

	if (epoch < 0)
		(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
	(void)gmtime_r(&now.tv_sec, &tm);                  /* fails only in the year 2^31 */
	n = strftime(ret, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (epoch < 0)
		(void)snprintf(ret + n, 40 - n, ".%09ldZ", now.tv_nsec);
	else
		(void)snprintf(ret + n, 40 - n, "Z");
	return ret;
}

void snapshot_history(struct snapshot *s, const char *created_by, bool empty_layer)
{
	struct json *entry = json_new_map();

	json_put_string(entry, "created", s->created);
	json_put_string(entry, "created_by", created_by);
	json_put_string(entry, "comment", "buildkit.dockerfile.v0");
	if (empty_layer)
		json_put_bool(entry, "empty_layer", true);
	json_push(member(s->doc, "history", true), entry);
	json_put_string(s->doc, "created", s->created);
}
