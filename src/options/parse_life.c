/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the options that say how a container is kept alive and watched. Pure. */
#include "options/internal.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

int parse_restart(const char *value, char **slot, int64_t *ret_max, struct err *err)
{
	static const char *const policies[] = { "no", "on-failure", "always", "unless-stopped" };
	size_t len = strcspn(value, ":");
	const char *policy = NULL;
	int64_t max = 0;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		if (strlen(policies[i]) == len && memcmp(policies[i], value, len) == 0)
			policy = policies[i];
	if (*value == '\0')
		policy = "no";
	if (!policy)
		return err_set(err, -EINVAL,
			"invalid restart policy: unknown policy '%.*s'; use one of 'no', 'always', "
			"'on-failure', or 'unless-stopped'",
			(int)len, value);
	if (value[len] == ':') {
		TRY(opt_parse_int(value + len + 1, &max, err));
		if (strcmp(policy, "on-failure") != 0)
			return err_set(err, -EINVAL,
				"invalid restart policy: maximum retry count can only be used "
				"with 'on-failure'");
		if (max < 0 || max > INT32_MAX)
			return err_set(err, -EINVAL,
				"invalid restart policy: maximum retry count cannot be negative");
	}
	free(*slot);
	*slot = xstrdup(policy);
	*ret_max = max;
	return 0;
}

static int check_pattern(const char *value, struct err *err)
{
	regex_t pattern;

	if (regcomp(&pattern, value, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(err, -EINVAL, "invalid regular expression '%s'", value);
	regfree(&pattern);
	return 0;
}

static int check_size(const char *value, struct err *err)
{
	int64_t n;

	TRY(parse_size(value, &n, err));
	return n > 0 ? 0 : err_set(err, -EINVAL, "'%s': must be a positive number", value);
}

static int check_files(const char *value, struct err *err)
{
	int64_t n;

	TRY(opt_parse_int(value, &n, err));
	if (n < 1 || n > 1000)
		return err_set(err, -EINVAL, "max-file must be between 1 and 1000");
	return 0;
}

static int check_tag(const char *value, struct err *err)
{
	return strstr(value, "{{")
		       ? err_set(err, -EINVAL, "a log tag is plain text, no template: %s", value)
		       : 0;
}

/* The monitor never waits for a reader, so both are the same. */
static int check_mode(const char *value, struct err *err)
{
	if (strcmp(value, "blocking") == 0 || strcmp(value, "non-blocking") == 0)
		return 0;
	return err_set(err, -EINVAL, "logging mode \"%s\" not known", value);
}

static int check_compress(const char *value, struct err *err)
{
	if (strcmp(value, "false") == 0)
		return 0;
	return err_set(err, -EINVAL,
		"compress=%s: rotated logs are not compressed here. Leave it out, or make max-size smaller",
		value);
}

int parse_log_opt(const char *value, struct err *err)
{
	static const struct {
		const char *name;
		int (*check)(const char *value, struct err *err); /* NULL: any text */
	} known[] = { { "max-size", check_size }, { "max-file", check_files }, { "tag", check_tag },
		{ "labels", NULL }, { "labels-regex", check_pattern }, { "env", NULL },
		{ "env-regex", check_pattern }, { "mode", check_mode },
		{ "max-buffer-size", check_size }, { "compress", check_compress } };
	const char *equals = strchr(value, '=');
	size_t len = equals ? (size_t)(equals - value) : 0;

	if (!equals)
		return err_set(err, -EINVAL, "invalid logging option '%s': NAME=VALUE", value);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == len && strncmp(value, known[i].name, len) == 0)
			return known[i].check ? known[i].check(equals + 1, err) : 0;
	return err_set(
		err, -EINVAL, "unknown log opt '%.*s' for json-file log driver", (int)len, value);
}
