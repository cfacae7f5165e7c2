/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the options that say how a container is kept alive and watched. Pure. */
#include "options/internal.h"

#include <errno.h>
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

int parse_log_opt(const char *value, struct err *err)
{
	const char *equals = strchr(value, '=');
	size_t len = equals ? (size_t)(equals - value) : strlen(value);
	int64_t n;

	if (!equals)
		return err_set(err, -EINVAL, "invalid logging option '%s': NAME=VALUE", value);
	if (len == strlen("max-size") && strncmp(value, "max-size", len) == 0) {
		TRY(parse_size(equals + 1, &n, err));
		if (n <= 0)
			return err_set(err, -EINVAL, "max-size must be a positive number");
		return 0;
	}
	if (len == strlen("max-file") && strncmp(value, "max-file", len) == 0) {
		TRY(opt_parse_int(equals + 1, &n, err));
		if (n < 1 || n > 1000)
			return err_set(err, -EINVAL, "max-file must be between 1 and 1000");
		return 0;
	}
	if (len == strlen("tag") && strncmp(value, "tag", len) == 0) {
		if (strstr(equals + 1, "{{"))
			return err_set(err, -EINVAL, "a log tag is plain text, no template: %s",
				equals + 1);
		return 0;
	}
	return err_set(
		err, -EINVAL, "unknown log opt '%.*s' for json-file log driver", (int)len, value);
}
