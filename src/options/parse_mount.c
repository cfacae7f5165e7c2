/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --mount type=bind|volume|tmpfs|image,key=value,…  One CSV record: a field in double quotes may hold
 * commas, "" inside quotes is a quote. Unlike -v it takes any path and makes no missing source.
 * Pure but for getcwd().
 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"

struct mount {
	struct volume volume;
	bool type_given;
	bool bind_key, volume_key; /* a key that fits one type only was used */
	bool image_key, writable;
	struct buf tmpfs; /* "size=…,mode=…" */
};

/* Reads one field; returns where the next begins, NULL after the last. */
static const char *read_field(const char *s, struct buf *field)
{
	bool quoted = *s == '"';

	if (quoted)
		s++;
	for (; *s && (quoted || *s != ','); s++) {
		if (quoted && s[0] == '"' && s[1] != '"') {
			quoted = false;
			continue;
		}
		if (quoted && s[0] == '"')
			s++;
		buf_addc(field, *s);
	}
	return *s == ',' ? s + 1 : NULL;
}

static int parse_flag(const char *key, const char *value, bool *ret, struct err *err)
{
	if (!value || strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		*ret = true;
	else if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		*ret = false;
	else
		return err_set(err, -EINVAL, "invalid value for %s: %s", key, value);
	return 0;
}

static int set_type(struct mount *m, const char *value, struct err *err)
{
	if (strcmp(value, "bind") == 0)
		m->volume.type = VOLUME_BIND;
	else if (strcmp(value, "volume") == 0)
		m->volume.type = VOLUME_NAMED;
	else if (strcmp(value, "tmpfs") == 0)
		m->volume.type = VOLUME_TMPFS;
	else if (strcmp(value, "image") == 0)
		m->volume.type = VOLUME_IMAGE;
	else
		return err_set(err, -EINVAL, "mount type unknown: \"%s\"", value);
	m->type_given = true;
	return 0;
}

static int set_source(struct mount *m, const char *value, struct err *err)
{
	autofree char *path = NULL;

	TRY(absolute_source(value, &path, err));
	free(m->volume.source);
	m->volume.source = move_ptr(&path);
	return 0;
}

static int set_target(struct mount *m, const char *value, struct err *err)
{
	free(m->volume.destination);
	m->volume.destination = clean_path(value);
	if (!m->volume.destination)
		return err_set(err, -EINVAL, "invalid mount path: '%s' mount path must be absolute",
			value);
	if (!m->volume.destination[1])
		return err_set(err, -EINVAL, "invalid specification: destination can't be '/'");
	return 0;
}

static int set_propagation(struct mount *m, const char *value, struct err *err)
{
	m->bind_key = true;
	return parse_propagation(value, &m->volume, err);
}

/* Docker's four; a read-only bind is read-only all the way down, or refused, wherever it is mounted. */
static int set_recursive(struct mount *m, const char *value, struct err *err)
{
	m->bind_key = true;
	m->volume.not_recursive = strcmp(value, "disabled") == 0;
	if (strcmp(value, "writable") == 0)
		return err_set(err, -EINVAL,
			"bind-recursive=writable is not supported: read-only here means all of it");
	if (!m->volume.not_recursive && strcmp(value, "enabled") != 0 &&
		strcmp(value, "readonly") != 0)
		return err_set(err, -EINVAL, "invalid value for bind-recursive: %s", value);
	return 0;
}

static int set_relabel(struct mount *m, const char *value, struct err *err)
{
	m->bind_key = true;
	if (strcmp(value, "shared") == 0 || strcmp(value, "private") == 0)
		return 0; /* as z and Z */
	return err_set(err, -EINVAL, "invalid value for relabel: %s", value);
}

static int set_driver(struct mount *m, const char *value, struct err *err)
{
	m->volume_key = true;
	if (strcmp(value, "local") == 0)
		return 0;
	return err_set(
		err, -EINVAL, "volume-driver '%s' is not there: the only one is local", value);
}

static int set_subpath(struct mount *m, const char *value, struct err *err)
{
	m->volume_key = true;
	if (!*value || *value == '/')
		return err_set(err, -EINVAL, "volume-subpath must be a relative path: '%s'", value);
	free(m->volume.subpath);
	m->volume.subpath = xstrdup(value);
	return 0;
}

static int set_image_subpath(struct mount *m, const char *value, struct err *err)
{
	m->image_key = true;
	if (!*value)
		return err_set(err, -EINVAL, "image-subpath must not be empty");
	free(m->volume.subpath);
	m->volume.subpath = xstrdup(value);
	return 0;
}

/* NAME[=VALUE] of a volume that does not exist yet. */
static void put_pair(struct json **map, const char *value)
{
	size_t len = strcspn(value, "=");
	autofree char *name = xstrndup(value, len);

	if (!*map)
		*map = json_new_map();
	json_put_string(*map, name, value[len] ? value + len + 1 : "");
}

static int set_label(struct mount *m, const char *value, struct err *err)
{
	m->volume_key = true;
	if (!*value || *value == '=')
		return err_set(err, -EINVAL, "invalid volume-label '%s': empty name", value);
	put_pair(&m->volume.labels, value);
	return 0;
}

static int set_option(struct mount *m, const char *value, struct err *err)
{
	m->volume_key = true;
	if (!*value || *value == '=' || !strchr(value, '='))
		return err_set(err, -EINVAL, "invalid volume-opt '%s': NAME=VALUE", value);
	put_pair(&m->volume.options, value);
	return 0;
}

static int set_tmpfs_size(struct mount *m, const char *value, struct err *err)
{
	int64_t size;

	TRY(parse_size(value, &size, err));
	buf_addf(&m->tmpfs, "%ssize=%lld", m->tmpfs.len ? "," : "", (long long)size);
	return 0;
}

static int set_tmpfs_mode(struct mount *m, const char *value, struct err *err)
{
	if (!*value || strlen(value) > 5 || value[strspn(value, "01234567")])
		return err_set(err, -EINVAL, "invalid value for tmpfs-mode: %s", value);
	buf_addf(&m->tmpfs, "%smode=%s", m->tmpfs.len ? "," : "", value);
	return 0;
}

static int set_consistency(struct mount *m, const char *value, struct err *err)
{
	(void)m; /* meaningful on macOS only; Docker on Linux accepts and ignores it as well */
	if (strcmp(value, "default") == 0 || strcmp(value, "consistent") == 0 ||
		strcmp(value, "cached") == 0 || strcmp(value, "delegated") == 0)
		return 0;
	return err_set(err, -EINVAL, "invalid value for consistency: %s", value);
}

static const struct {
	const char *key;
	int (*set)(struct mount *m, const char *value, struct err *err);
} keys[] = {
	{ "type", set_type },
	{ "source", set_source },
	{ "src", set_source },
	{ "target", set_target },
	{ "destination", set_target },
	{ "dst", set_target },
	{ "bind-propagation", set_propagation },
	{ "bind-recursive", set_recursive },
	{ "relabel", set_relabel },
	{ "volume-driver", set_driver },
	{ "volume-subpath", set_subpath },
	{ "image-subpath", set_image_subpath },
	{ "subpath", set_image_subpath },
	{ "volume-label", set_label },
	{ "volume-opt", set_option },
	{ "tmpfs-size", set_tmpfs_size },
	{ "tmpfs-mode", set_tmpfs_mode },
	{ "consistency", set_consistency },
};

/* Keys that may stand without a value; NULL: it is another. */
static bool *flag_of(struct mount *m, const char *key)
{
	if (strcmp(key, "readonly") == 0 || strcmp(key, "ro") == 0)
		return &m->volume.read_only;
	if (strcmp(key, "rw") == 0 || strcmp(key, "readwrite") == 0) {
		m->image_key = true;
		return &m->writable;
	}
	if (strcmp(key, "volume-nocopy") == 0) {
		m->volume_key = true;
		return &m->volume.no_copy;
	}
	if (strcmp(key, "bind-nonrecursive") == 0) {
		m->bind_key = true;
		return &m->volume.not_recursive;
	}
	if (strcmp(key, "squash") == 0) {
		m->bind_key = true;
		return &m->volume.squash;
	}
	return strcmp(key, "noexec") == 0 ? &m->volume.no_exec : NULL;
}

static int set_key(struct mount *m, const char *key, const char *value, struct err *err)
{
	bool *flag = flag_of(m, key);

	if (flag)
		return parse_flag(key, value, flag, err);
	if (!value)
		return err_set(err, -EINVAL, "invalid field '%s' must be a key=value pair", key);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(key, keys[i].key) == 0)
			return keys[i].set(m, value, err);
	return err_set(err, -EINVAL, "unexpected key '%s' in '%s=%s'", key, key, value);
}

static int mixed(const char *what, const char *type, struct err *err)
{
	return err_set(err, -EINVAL, "cannot mix '%s' options with mount type '%s'", what, type);
}

static int finish_bind(struct mount *m, struct err *err)
{
	autofree char *path = NULL;

	if (m->volume_key)
		return mixed("volume-*", "bind", err);
	if (m->tmpfs.len)
		return mixed("tmpfs-*", "bind", err);
	if (!m->volume.source)
		return err_set(err, -EINVAL, "field Source must not be empty");
	path = clean_path(m->volume.source);
	if (!path)
		return err_set(err, -EINVAL, "invalid mount path: '%s' mount path must be absolute",
			m->volume.source);
	free(m->volume.source);
	m->volume.source = move_ptr(&path);
	return 0;
}

static int finish_named(struct mount *m, struct err *err)
{
	if (m->bind_key)
		return mixed("bind-*", "volume", err);
	if (m->tmpfs.len)
		return mixed("tmpfs-*", "volume", err);
	if (!m->volume.source)
		m->volume.type = VOLUME_ANONYMOUS;
	else if (!valid_name(m->volume.source, 2))
		return err_set(err, -EINVAL,
			"\"%s\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed",
			m->volume.source);
	return 0;
}

static int finish_tmpfs(struct mount *m, struct err *err)
{
	if (m->bind_key)
		return mixed("bind-*", "tmpfs", err);
	if (m->volume_key)
		return mixed("volume-*", "tmpfs", err);
	if (m->volume.source)
		return err_set(err, -EINVAL, "field Source must not be specified");
	if (m->tmpfs.len)
		m->volume.tmpfs_options = buf_steal(&m->tmpfs);
	return 0;
}

/* Podman's rw is refused: what is written would go nowhere, and nobody could tell. */
static int finish_image(struct mount *m, struct err *err)
{
	if (m->bind_key)
		return mixed("bind-*", "image", err);
	if (m->volume_key)
		return mixed("volume-*", "image", err);
	if (m->tmpfs.len)
		return mixed("tmpfs-*", "image", err);
	if (!m->volume.source || !*m->volume.source)
		return err_set(err, -EINVAL, "field Source must not be empty");
	if (m->writable)
		return err_set(err, -EINVAL,
			"an image is mounted read-only: what a container wrote to it would be lost "
			"with the container. Copy it into a volume to write to it");
	m->volume.read_only = true;
	return 0;
}

static int finish(struct mount *m, struct err *err)
{
	if (!m->type_given)
		m->volume.type = VOLUME_NAMED;
	if (!m->volume.destination)
		return err_set(err, -EINVAL, "target is required");
	if (m->image_key && m->volume.type != VOLUME_IMAGE)
		return err_set(err, -EINVAL,
			"cannot mix 'image-subpath', 'subpath' or 'rw' with another mount type than image");
	switch (m->volume.type) {
	case VOLUME_BIND:
		return finish_bind(m, err);
	case VOLUME_TMPFS:
		return finish_tmpfs(m, err);
	case VOLUME_IMAGE:
		return finish_image(m, err);
	case VOLUME_NAMED:
	case VOLUME_ANONYMOUS:
		break;
	}
	return finish_named(m, err);
}

static int read_fields(const char *value, struct mount *m, struct err *err)
{
	for (const char *next = value; next;) {
		autobuf struct buf field = BUF_INIT;
		char *eq;

		next = read_field(next, &field);
		if (field.len == 0)
			return err_set(err, -EINVAL, "invalid field '' must be a key=value pair");
		eq = strchr(field.data, '=');
		if (eq)
			*eq++ = '\0';
		TRY(set_key(m, field.data, eq, err));
	}
	return finish(m, err);
}

int parse_mount(const char *value, struct volume *ret, struct err *err)
{
	struct mount m = { 0 };
	int r = read_fields(value, &m, err);

	buf_done(&m.tmpfs);
	if (r < 0)
		volume_done(&m.volume);
	else
		*ret = m.volume;
	return r;
}
