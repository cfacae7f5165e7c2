/* SPDX-License-Identifier: Apache-2.0 */
/* --userns. Pure. */
#include "options/internal.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"

/* "uid=N" or "gid=N"; returns what follows. NULL: it is neither. */
static const char *id_option(const char *text)
{
	size_t digits = strncmp(text, "uid=", 4) == 0 || strncmp(text, "gid=", 4) == 0
				? strspn(text + 4, "0123456789")
				: 0;

	return digits > 0 && digits <= 9 ? text + 4 + digits : NULL;
}

static int parse_keep_id(const char *value, const char *options, struct err *err)
{
	while (*options) {
		options = *options == ':' || *options == ',' ? id_option(options + 1) : NULL;
		if (!options)
			return err_set(err, -EINVAL,
				"invalid --userns '%s': want keep-id or keep-id:uid=N,gid=N",
				value);
	}
	return 0;
}

int parse_userns(const char *value, struct err *err)
{
	static const char *const others[] = { "auto", "nomap", "container:", "ns:" };

	if (!*value || strcmp(value, "host") == 0 || strcmp(value, "private") == 0)
		return 0; /* root inside is the caller, as always */
	if (strncmp(value, "keep-id", 7) == 0 && (!value[7] || value[7] == ':'))
		return parse_keep_id(value, value + 7, err);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strncmp(value, others[i], strlen(others[i])) == 0)
			return err_set(err, -EINVAL,
				"--userns '%s' is not there: every container has a user namespace of its "
				"own. keep-id makes you the same user inside",
				value);
	return err_set(err, -EINVAL, "invalid --userns '%s': host or keep-id", value);
}
