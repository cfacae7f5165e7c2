/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume ls and volume prune --filter, as Docker's engine judges: names and dangling by any of their
 * values, labels by all. A name matches by regular expression.
 */
#include "commands/common.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static int match_name(const struct stored_volume *v, const char *value, struct err *err)
{
	regex_t regex;
	int r;

	if (regcomp(&regex, value, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(err, -EINVAL, "invalid filter 'name=[%s]'", value);
	r = regexec(&regex, v->name, 0, NULL, 0) == 0;
	regfree(&regex);
	return r;
}

static int match_driver(const struct stored_volume *v, const char *value, struct err *err)
{
	(void)v;
	(void)err;
	return strcmp(value, "local") == 0;
}

static int match_label(const struct stored_volume *v, const char *value, struct err *err)
{
	size_t len = strcspn(value, "=");
	autofree char *key = xstrndup(value, len);
	const char *has = json_str(json_get(v->labels, key), NULL);

	(void)err;
	return has && (!value[len] || strcmp(has, value + len + 1) == 0);
}

static int match_not_label(const struct stored_volume *v, const char *value, struct err *err)
{
	return !match_label(v, value, err);
}

static const struct {
	const char *key;
	int (*match)(const struct stored_volume *v, const char *value, struct err *err);
	bool all;
} kinds[] = { { "name", match_name, false }, { "driver", match_driver, false },
	{ "label", match_label, true }, { "label!", match_not_label, true } };

/* The value of "key=value", or NULL for another key. */
static const char *value_of(const char *filter, const char *key)
{
	size_t n = strlen(key);

	return strncmp(filter, key, n) == 0 && filter[n] == '=' ? filter + n + 1 : NULL;
}

static int match_dangling(bool used, const char *value, struct err *err)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		return !used;
	if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		return used;
	return err_set(err, -EINVAL, "invalid filter 'dangling=[%s]'", value);
}

static int kind_matches(
	const struct stored_volume *v, size_t k, const struct strv *filters, struct err *err)
{
	bool asked = false;

	strv_each (filter, filters) {
		const char *value = value_of(*filter, kinds[k].key);
		int r = value ? kinds[k].match(v, value, err) : 0;

		TRY(r);
		asked = asked || value;
		if (value && (r > 0) != kinds[k].all)
			return !kinds[k].all;
	}
	return !asked || kinds[k].all;
}

int volume_matches(
	const struct stored_volume *v, bool used, const struct strv *filters, struct err *err)
{
	strv_each (filter, filters) {
		const char *dangling = value_of(*filter, "dangling");
		int r = 1;

		if (dangling)
			r = match_dangling(used, dangling, err);
		if (r <= 0)
			return r;
	}
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		int r = kind_matches(v, k, filters, err);

		if (r <= 0)
			return r;
	}
	return 1;
}

int volume_filters_check(const struct strv *filters, bool prune, struct err *err)
{
	static const char *const ls_keys[] = { "dangling", "driver", "label", "name" };
	static const char *const prune_keys[] = { "label", "label!", "all", "all" };
	const char *const *keys = prune ? prune_keys : ls_keys;
	const struct stored_volume none = { .name = (char *)"" };

	strv_each (filter, filters) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_SIZE(ls_keys); k++)
			known = known || value_of(*filter, keys[k]);
		if (!known)
			return err_set(err, -EINVAL, "invalid filter '%.*s'",
				(int)strcspn(*filter, "="), *filter);
	}
	return volume_matches(&none, false, filters, err); /* judges the values */
}
