/* SPDX-License-Identifier: Apache-2.0 */
/* network ls and network prune --filter, as Docker's engine judges: labels by all of their values, every
 * other key by any; names and ids by a part. Pure. */
#include "commands/common.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static bool has_label(const struct network_facts *facts, const char *value)
{
	size_t len = strcspn(value, "=");
	autofree char *key = xstrndup(value, len);
	const char *has = json_str(json_get(facts->record->labels, key), NULL);

	return has && (!value[len] || strcmp(has, value + len + 1) == 0);
}

static bool has_no_label(const struct network_facts *facts, const char *value)
{
	return !has_label(facts, value);
}

static bool has_name(const struct network_facts *facts, const char *value)
{
	return strstr(facts->record->name, value) != NULL;
}

static bool has_id(const struct network_facts *facts, const char *value)
{
	return strstr(facts->record->id, value) != NULL;
}

static bool has_driver(const struct network_facts *facts, const char *value)
{
	return strcmp(facts->driver, value) == 0;
}

static bool has_scope(const struct network_facts *facts, const char *value)
{
	(void)facts;
	return strcmp(value, "local") == 0;
}

static bool has_type(const struct network_facts *facts, const char *value)
{
	return strcmp(value, facts->builtin ? "builtin" : "custom") == 0;
}

static bool is_dangling(const struct network_facts *facts, const char *value)
{
	bool dangling = !facts->builtin && !facts->used;

	return dangling == (strcmp(value, "true") == 0 || strcmp(value, "1") == 0);
}

static bool is_older(const struct network_facts *facts, const char *value)
{
	struct err ignored = ERR_INIT;
	int64_t created = 0, until = 0;

	/* the time was read before, and a record that does not say when is from before all others */
	(void)state_time_parse(facts->record->created, &created);
	return parse_time(value, state_now(), &until, &ignored) == 0 && created < until;
}

enum { LS = 1, PRUNE = 2 };

static const struct {
	const char *key;
	bool (*match)(const struct network_facts *facts, const char *value);
	bool all;
	const char *values; /* NULL = any */
	unsigned verbs;
} kinds[] = {
	{ "dangling", is_dangling, false, "true false 1 0", LS },
	{ "driver", has_driver, false, NULL, LS },
	{ "id", has_id, false, NULL, LS },
	{ "label", has_label, true, NULL, LS | PRUNE },
	{ "label!", has_no_label, true, NULL, LS | PRUNE },
	{ "name", has_name, false, NULL, LS },
	{ "scope", has_scope, false, NULL, LS },
	{ "type", has_type, false, "builtin custom", LS },
	{ "until", is_older, true, NULL, PRUNE },
};

/* The value of "key=value", or NULL for another key. */
static const char *value_of(const char *filter, const char *key)
{
	size_t n = strlen(key);

	return strncmp(filter, key, n) == 0 && filter[n] == '=' ? filter + n + 1 : NULL;
}

static bool is_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *s = words; *s; s += strcspn(s, " "), s += *s == ' ')
		if (strcspn(s, " ") == len && strncmp(s, word, len) == 0)
			return true;
	return false;
}

int network_filters_check(const struct strv *filters, bool prune, struct err *err)
{
	int64_t until;

	strv_each (filter, filters) {
		const char *value = NULL;
		size_t k = 0;

		for (; k < ARRAY_SIZE(kinds) && !value; k++)
			value = kinds[k].verbs & (prune ? PRUNE : LS)
					? value_of(*filter, kinds[k].key)
					: NULL;
		if (!value)
			return err_set(err, -EINVAL, "invalid filter '%.*s'",
				(int)strcspn(*filter, "="), *filter);
		if (kinds[k - 1].values && !is_word(kinds[k - 1].values, value))
			return err_set(
				err, -EINVAL, "invalid filter '%s=%s'", kinds[k - 1].key, value);
		if (kinds[k - 1].match == is_older)
			TRY(parse_time(value, state_now(), &until, err));
	}
	return 0;
}

static bool kind_matches(const struct network_facts *facts, size_t k, const struct strv *filters)
{
	bool asked = false;

	strv_each (filter, filters) {
		const char *value = value_of(*filter, kinds[k].key);

		asked = asked || value;
		if (value && kinds[k].match(facts, value) != kinds[k].all)
			return !kinds[k].all;
	}
	return !asked || kinds[k].all;
}

bool network_matches(const struct network_facts *facts, const struct strv *filters)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		if (!kind_matches(facts, k, filters))
			return false;
	return true;
}
