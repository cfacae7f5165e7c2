/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run and create about what the program is born with: streams, umask, time zone, proxies and
 * descriptors. Targets begin with a struct run_opts. */
#include "options/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/xalloc.h"

#define ZONES          "/usr/share/zoneinfo/"
#define PRESERVED_MOST 1000 /* what inherited.c spares */

static struct run_opts *of(void *target)
{
	return target;
}

static int replace(char **slot, const char *value)
{
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

int call_attach(void *target, const char *value, struct err *err)
{
	static const char *const names[ATTACH_STREAMS] = { "stdin", "stdout", "stderr" };
	struct run_opts *o = of(target);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(names[i]);

		if (strlen(value) != len)
			continue;
		for (size_t at = 0; at < len && (value[at] | 0x20) == names[i][at]; at++)
			if (at + 1 == len) {
				o->attach[i] = o->attach_given = true;
				return 0;
			}
	}
	return err_set(err, -EINVAL,
		"invalid argument \"%s\" for \"-a, --attach\" flag: valid streams are STDIN, STDOUT "
		"and STDERR",
		value);
}

int call_umask(void *target, const char *value, struct err *err)
{
	size_t len = strlen(value);

	if (len < 1 || len > 4 || strspn(value, "01234567") != len || (len == 4 && *value != '0'))
		return err_set(err, -EINVAL, "invalid umask %s: an octal number up to 0777", value);
	return replace(&of(target)->umask, value);
}

/* "local", or a name below the machine's zones; what it leads to must be one of them. */
int call_tz(void *target, const char *value, struct err *err)
{
	bool local = strcmp(value, "local") == 0;
	autofree char *path = local ? xstrdup("/etc/localtime") : xasprintf(ZONES "%s", value);
	autofree char *zone = realpath(path, NULL);
	struct stat st;

	if (!*value || (!local && (*value == '/' || strstr(value, ".."))))
		return err_set(err, -EINVAL,
			"invalid time zone '%s': local or a name like Europe/Paris", value);
	if (!zone || stat(zone, &st) < 0 || !S_ISREG(st.st_mode) ||
		(!local && strncmp(zone, ZONES, strlen(ZONES)) != 0))
		return err_set(err, -ENOENT,
			"finding time zone %s: this machine has no file %s (package tzdata)", value,
			path);
	free(of(target)->tz);
	of(target)->tz = move_ptr(&zone);
	return 0;
}

int check_process(const struct run_opts *o, struct err *err)
{
	if (o->attach_given && o->detach)
		return err_set(err, -EINVAL,
			"conflicting options: cannot specify both --attach and "
			"--detach");
	if (o->preserve_fds < 0 || o->preserve_fds > PRESERVED_MOST)
		return err_set(err, -EINVAL, "--preserve-fds must be a number from 0 to %d",
			PRESERVED_MOST);
	if (o->preserve_fds && o->restart && strcmp(o->restart, "no") != 0)
		return err_set(err, -EINVAL,
			"conflicting options: --preserve-fds cannot be used with --restart, a second "
			"start has no caller");
	return 0;
}

/* The caller's variables of proxies, below what -e and --env-file say. */
void add_proxy_env(struct strv *env)
{
	static const char *const names[] = { "http_proxy", "HTTP_PROXY", "https_proxy",
		"HTTPS_PROXY", "ftp_proxy", "FTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
		"NO_PROXY" };
	autostrv struct strv before = *env;

	*env = (struct strv)STRV_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value)
			strv_addf(env, "%s=%s", names[i], value);
	}
	strv_extend(env, &before);
}
