/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image's config document: layer ids, and the values a container takes from it. Written by
 * whoever made the image: an environment entry without "=" would name a variable of the host and is
 * dropped; a list that is none is refused rather than read as empty.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"
#include "image/store_private.h"

int config_diff_ids(const struct json *config, size_t n_layers, struct strv *ret, struct err *err)
{
	const struct json *rootfs = json_get(config, "rootfs");
	const struct json *list = json_get(rootfs, "diff_ids");
	autostrv struct strv ids = STRV_INIT;

	if (strcmp(json_str(json_get(rootfs, "type"), ""), "layers") != 0 ||
		json_kind(list) != JSON_LIST)
		return err_set(err, -EINVAL, "the image's config is malformed: it names no layers");
	if (json_len(list) != n_layers)
		return err_set(err, -EINVAL,
			"the image contradicts itself: %zu layers in the manifest, %zu in the config",
			n_layers, json_len(list));
	json_each (it, list) {
		const char *id = json_str(it.value, NULL);

		if (!digest_valid(id))
			return err_set(err, -EINVAL,
				"the image's config is malformed: '%.80s' is not a "
				"digest",
				id ? id : "");
		strv_add(&ids, id);
	}
	strv_extend(ret, &ids);
	return 0;
}

void chain_ids(const struct strv *diff_ids, struct strv *ret)
{
	char chain[DIGEST_MAX] = "";

	strv_each (id, diff_ids) {
		autofree char *pair = NULL;
		char hex[SHA256_HEX];

		if (!chain[0]) {
			(void)snprintf(chain, sizeof(chain), "%s", *id);
		} else {
			pair = xasprintf("%s %s", chain, *id);
			sha256_hex(pair, strlen(pair), hex);
			(void)snprintf(chain, sizeof(chain), "sha256:%s", hex);
		}
		/* A base layer named by SHA-512 still gets a directory of 64 digits. */
		if (strlen(chain) > 7 + 64) {
			sha256_hex(chain, strlen(chain), hex);
			strv_add(ret, hex);
		} else {
			strv_add(ret, chain + 7);
		}
	}
}

int config_check_history(const struct json *config, size_t n_layers, struct err *err)
{
	size_t told = 0;

	json_each (it, json_get(config, "history"))
		told += !json_bool(json_get(it.value, "empty_layer"), false);
	if (told == 0 || told == n_layers)
		return 0;
	return err_set(err, -EINVAL,
		"the image's config is malformed: its history tells of %zu layers, and there are %zu",
		told, n_layers);
}

static int strings(const struct json *config, const char *key, struct strv *ret, struct err *err)
{
	const struct json *v = json_get(config, key);

	if (!v || json_kind(v) == JSON_NIL)
		return 0;
	if (json_kind(v) != JSON_LIST)
		return err_set(err, -EINVAL, "the image's config is malformed: %s is no list", key);
	json_each (it, v) {
		if (json_kind(it.value) != JSON_STR)
			return err_set(err, -EINVAL,
				"the image's config is malformed: %s holds something "
				"else than strings",
				key);
		strv_add(ret, json_str(it.value, ""));
	}
	return 0;
}

/* Volumes and ExposedPorts are maps whose keys matter. */
static int keys(const struct json *config, const char *key, struct strv *ret, struct err *err)
{
	const struct json *v = json_get(config, key);

	if (!v || json_kind(v) == JSON_NIL)
		return 0;
	if (json_kind(v) != JSON_MAP)
		return err_set(err, -EINVAL, "the image's config is malformed: %s is no map", key);
	json_each (it, v)
		strv_add(ret, it.key);
	return 0;
}

static int text(const struct json *config, const char *key, char **ret, struct err *err)
{
	const struct json *v = json_get(config, key);

	if (!v || json_kind(v) == JSON_NIL)
		return 0;
	if (json_kind(v) != JSON_STR)
		return err_set(
			err, -EINVAL, "the image's config is malformed: %s is no string", key);
	if (json_str(v, "")[0])
		*ret = xstrdup(json_str(v, ""));
	return 0;
}

static int environment(const struct json *config, struct strv *ret, struct err *err)
{
	autostrv struct strv all = STRV_INIT;

	TRY(strings(config, "Env", &all, err));
	strv_each (entry, &all) {
		const char *equals = strchr(*entry, '=');

		if (equals && equals != *entry)
			strv_env_set(ret, *entry);
	}
	return 0;
}

int config_apply(const struct json *config, struct image *image, struct err *err)
{
	const struct json *c = json_get(config, "config");

	if (!c || json_kind(c) == JSON_NIL)
		return 0;
	if (json_kind(c) != JSON_MAP)
		return err_set(err, -EINVAL, "the image's config is malformed: config is no map");
	TRY(strings(c, "Entrypoint", &image->entrypoint, err));
	TRY(strings(c, "Cmd", &image->cmd, err));
	TRY(environment(c, &image->env, err));
	TRY(keys(c, "Volumes", &image->volumes, err));
	TRY(keys(c, "ExposedPorts", &image->exposed_ports, err));
	TRY(text(c, "User", &image->user, err));
	TRY(text(c, "WorkingDir", &image->workdir, err));
	return text(c, "StopSignal", &image->stop_signal, err);
}

int64_t config_created(const struct json *config)
{
	const char *when = json_str(json_get(config, "created"), "");
	struct tm tm = { 0 };
	const char *rest = strptime(when, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours, minutes;
	int64_t seconds;
	char sign;

	if (!rest)
		return 0;
	seconds = timegm(&tm);
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3 && (sign == '+' || sign == '-'))
		seconds -= (sign == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return seconds;
}
