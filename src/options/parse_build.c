/* SPDX-License-Identifier: Apache-2.0 */
/* Values of build's options that are lists of fields: "type=tar,dest=out.tar". Pure. */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

/* The next "key=value" of *text, cut off in place; NULL at the end. A field without "=" has the value NULL. */
static char *next_field(char **text, char **ret_value)
{
	char *field = strsep(text, ",");
	char *equal = field ? strchr(field, '=') : NULL;

	if (equal)
		*equal++ = '\0';
	*ret_value = equal;
	return field;
}

static void keep(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
}

static int output_type(const char *name, enum build_output_type *ret, struct err *err)
{
	static const char *const names[] = {
		[OUTPUT_IMAGE] = "image",
		[OUTPUT_DOCKER] = "docker",
		[OUTPUT_OCI] = "oci",
		[OUTPUT_TAR] = "tar",
		[OUTPUT_LOCAL] = "local",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum build_output_type)i;
			return 0;
		}
	}
	return err_set(err, -EINVAL,
		"unknown output type '%s': want local, tar, oci, docker, image or registry", name);
}

/* BuildKit's fields whose only value here is how things are done anyway. */
static bool is_default(const char *key, const char *value)
{
	static const char *const fields[][2] = {
		{ "oci-mediatypes", "true" }, { "compression", "uncompressed" },
		{ "unpack", "true" }, { "store", "true" }, { "tar", "true" },
		{ "rewrite-timestamp", "true" }, /* where SOURCE_DATE_EPOCH is set */
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i][0], key) == 0 && strcmp(fields[i][1], value) == 0)
			return true;
	return false;
}

static int output_field(
	const char *key, const char *value, struct build_output *ret, struct err *err)
{
	if (!value)
		return err_set(err, -EINVAL, "invalid value '%s' of --output", key);
	if (strcmp(key, "type") == 0 && strcmp(value, "registry") == 0) {
		ret->push = true; /* buildx's word for type=image,push=true */
		ret->type = OUTPUT_IMAGE;
		return 0;
	}
	if (strcmp(key, "type") == 0)
		return output_type(value, &ret->type, err);
	if (strcmp(key, "name") == 0) {
		keep(&ret->name, value);
		return 0;
	}
	if (strcmp(key, "dest") == 0 || strcmp(key, "destination") == 0) {
		keep(&ret->dest, value);
		return 0;
	}
	if (strcmp(key, "push") == 0) {
		ret->push = strcmp(value, "true") == 0;
		return 0;
	}
	if (is_default(key, value))
		return 0;
	return err_set(err, -EINVAL,
		"--output: '%s=%s' is not supported; type, dest, name and push are", key, value);
}

static int output_check(const struct build_output *o, const char *typed, struct err *err)
{
	if ((o->type == OUTPUT_LOCAL || o->type == OUTPUT_TAR || o->type == OUTPUT_OCI) &&
		(!o->dest || !*o->dest))
		return err_set(err, -EINVAL, "--output %s: dest= is required", typed);
	if (o->type == OUTPUT_LOCAL && strcmp(o->dest, "-") == 0)
		return err_set(err, -EINVAL, "--output %s: dest must be a directory", typed);
	if (o->type == OUTPUT_IMAGE && o->dest)
		return err_set(err, -EINVAL,
			"--output %s: type=image goes to the image store; for a file use type=oci or "
			"type=docker",
			typed);
	return 0;
}

int parse_build_output(const char *value, struct build_output *ret, struct err *err)
{
	autofree char *text = xstrdup(value), *dest = NULL, *name = NULL;
	struct build_output o = { .type = OUTPUT_IMAGE };
	char *rest = text, *field, *it;
	int r = 0;

	if (strcmp(value, "-") == 0) { /* a tar stream; any other bare word is a directory */
		*ret = (struct build_output){ .type = OUTPUT_TAR, .dest = xstrdup("-") };
		return 0;
	}
	if (*value && !strchr(value, '=')) {
		*ret = (struct build_output){ .type = OUTPUT_LOCAL, .dest = xstrdup(value) };
		return 0;
	}
	while (r == 0 && (field = next_field(&rest, &it)) != NULL)
		r = output_field(field, it, &o, err);
	if (r == 0)
		r = output_check(&o, value, err);
	dest = o.dest; /* freed on failure */
	name = o.name;
	if (r < 0)
		return r;
	dest = name = NULL;
	*ret = o;
	return 0;
}

static int secret_field(
	const char *key, const char *value, struct build_secret *ret, struct err *err)
{
	if (value && strcmp(key, "id") == 0)
		keep(&ret->id, value);
	else if (value && (strcmp(key, "src") == 0 || strcmp(key, "source") == 0))
		keep(&ret->file, value);
	else if (value && strcmp(key, "env") == 0)
		keep(&ret->env, value);
	else if (value && strcmp(key, "type") == 0 &&
		 (strcmp(value, "file") == 0 || strcmp(value, "env") == 0))
		return 0;
	else
		return err_set(err, -EINVAL,
			"invalid field '%s' of --secret: id, src and env are known", key);
	return 0;
}

int parse_build_secret(const char *value, struct build_secret *ret, struct err *err)
{
	autofree char *text = xstrdup(value);
	struct build_secret s = { 0 };
	char *rest = text, *field, *it;
	int r = 0;

	while (r == 0 && (field = next_field(&rest, &it)) != NULL)
		r = secret_field(field, it, &s, err);
	if (r == 0 && (!s.id || !*s.id))
		r = err_set(err, -EINVAL, "--secret needs id=");
	if (r == 0 && s.file && s.env)
		r = err_set(err, -EINVAL, "--secret id=%s: src and env exclude each other", s.id);
	if (r < 0) {
		free(s.id);
		free(s.file);
		free(s.env);
		return r;
	}
	if (!s.file && !s.env) { /* buildx: the variable of that name, else the file */
		if (getenv(s.id))
			s.env = xstrdup(s.id);
		else
			s.file = xstrdup(s.id);
	}
	*ret = s;
	return 0;
}

/* ---- --cache-from, --cache-to ---- */

static int cache_type(const char *name, struct build_cache *ret, struct err *err)
{
	static const char *const names[] = {
		[CACHE_REGISTRY] = "registry",
		[CACHE_LOCAL] = "local",
		[CACHE_INLINE] = "inline",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], name) == 0) {
			ret->type = (enum build_cache_type)i;
			ret->asked = true;
			return 0;
		}
	}
	return err_set(
		err, -EINVAL, "unknown cache type '%s': want registry, local or inline", name);
}

static int cache_field(
	const char *key, const char *value, bool to, struct build_cache *ret, struct err *err)
{
	const char *place = ret->type == CACHE_REGISTRY ? "ref" : to ? "dest" : "src";

	if (value && strcmp(key, "type") == 0)
		return cache_type(value, ret, err);
	if (value && ret->type != CACHE_INLINE && strcmp(key, place) == 0) {
		keep(&ret->where, value);
		return 0;
	}
	if (value && to && strcmp(key, "mode") == 0 &&
		(strcmp(value, "min") == 0 || strcmp(value, "max") == 0)) {
		ret->max = strcmp(value, "max") == 0;
		return 0;
	}
	return err_set(err, -EINVAL,
		"invalid field '%s' of a cache: type=registry,ref=REF and "
		"type=local,%s=DIR are known",
		key, to ? "dest" : "src");
}

static int cache_check(const struct build_cache *c, bool to, struct err *err)
{
	if (c->type == CACHE_INLINE && !to)
		return err_set(err, -EINVAL, "the inline cache of an image is read with its name");
	if (c->type != CACHE_INLINE && (!c->where || !*c->where))
		return err_set(err, -EINVAL, "%s= is required",
			c->type == CACHE_REGISTRY ? "ref"
			: to                      ? "dest"
						  : "src");
	if (c->max && c->type != CACHE_LOCAL)
		return err_set(err, -EINVAL,
			"mode=max is for type=local: an image has one stage's layers");
	return 0;
}

int parse_build_cache(const char *value, bool to, struct build_cache *ret, struct err *err)
{
	autofree char *text = xstrdup(value), *where = NULL;
	struct build_cache c = { .type = CACHE_REGISTRY };
	char *rest = text, *field, *it;
	int r = 0;

	if (*value && !strchr(value, '=')) {
		*ret = (struct build_cache){ .type = CACHE_REGISTRY, .where = xstrdup(value) };
		return 0;
	}
	while (r == 0 && (field = next_field(&rest, &it)) != NULL)
		r = cache_field(field, it, to, &c, err);
	if (r == 0)
		r = cache_check(&c, to, err);
	where = c.where; /* freed on failure */
	if (r < 0)
		return r;
	where = NULL;
	*ret = c;
	return 0;
}
