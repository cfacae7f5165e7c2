/* SPDX-License-Identifier: Apache-2.0 */
/* Small values of run: ulimits, platforms, addresses, labels. Pure. */
#include "options/internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static const struct {
	const char *name;
	int resource;
} limits[] = {
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

/* "1024", "-1" and "unlimited". */
static int parse_limit(const char *text, size_t len, rlim_t *ret)
{
	autofree char *word = xstrndup(text, len);
	unsigned long long n;
	char *end;

	if (strcmp(word, "-1") == 0 || strcmp(word, "unlimited") == 0) {
		*ret = RLIM_INFINITY;
		return 0;
	}
	if (*word < '0' || *word > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(word, &end, 10);
	if (*end || errno)
		return -EINVAL;
	*ret = n;
	return 0;
}

static int find_limit(const char *name, size_t len, int *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (strlen(limits[i].name) == len && memcmp(limits[i].name, name, len) == 0) {
			*ret = limits[i].resource;
			return 0;
		}
	}
	return -EINVAL;
}

const char *ulimit_name(int resource)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].resource == resource)
			return limits[i].name;
	return "";
}

int parse_ulimit(const char *value, struct ulimit *ret, struct err *err)
{
	const char *eq = strchr(value, '='), *soft, *colon, *hard;
	struct ulimit u;

	if (!eq || !eq[1])
		return err_set(err, -EINVAL, "invalid ulimit argument: %s", value);
	if (find_limit(value, (size_t)(eq - value), &u.resource) < 0)
		return err_set(err, -EINVAL, "invalid ulimit type: %.*s", (int)(eq - value), value);
	soft = eq + 1;
	colon = strchr(soft, ':');
	hard = colon ? colon + 1 : soft;
	if (parse_limit(soft, colon ? (size_t)(colon - soft) : strlen(soft), &u.limit.rlim_cur) <
			0 ||
		parse_limit(hard, strlen(hard), &u.limit.rlim_max) < 0)
		return err_set(err, -EINVAL, "invalid ulimit argument: %s", value);
	if (u.limit.rlim_cur > u.limit.rlim_max)
		return err_set(err, -EINVAL,
			"ulimit soft limit must be less than or equal to hard limit: %lld > %lld",
			(long long)u.limit.rlim_cur, (long long)u.limit.rlim_max);
	*ret = u;
	return 0;
}

/* os/arch[/variant] of letters and digits. */
int parse_platform(const char *value, struct err *err)
{
	int parts = 1;
	bool empty = true;

	for (const char *s = value; *s; s++) {
		bool word = (*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '_' ||
			    *s == '-' || *s == '.';

		if (*s == '/' && !empty)
			parts++;
		else if (!word)
			return err_set(err, -EINVAL, "\"%s\" is not os/arch[/variant]", value);
		empty = *s == '/';
	}
	if (empty || parts < 2 || parts > 3)
		return err_set(err, -EINVAL, "\"%s\" is not os/arch[/variant]", value);
	return 0;
}

bool valid_ip(const char *text)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

/* "name:ip", "name=ip", "name:[ip6]" or name:host-gateway → "name:ip". */
int parse_add_host(const char *value, struct strv *ret, struct err *err)
{
	size_t name = strcspn(value, ":=");
	autofree char *ip = NULL;
	size_t len;

	if (name == 0 || !value[name] || !value[name + 1])
		return err_set(err, -EINVAL, "bad format for add-host: \"%s\"", value);
	if (strcspn(value, " \t\r\n") != strlen(value))
		return err_set(err, -EINVAL, "bad format for add-host: \"%s\"", value);
	ip = xstrdup(value + name + 1);
	len = strlen(ip);
	if (len > 2 && ip[0] == '[' && ip[len - 1] == ']') {
		memmove(ip, ip + 1, len - 2);
		ip[len - 2] = '\0';
	}
	if (strcmp(ip, "host-gateway") != 0 && !valid_ip(ip))
		return err_set(err, -EINVAL, "invalid IP address in add-host: \"%s\"", ip);
	strv_addf(ret, "%.*s:%s", (int)name, value, ip);
	return 0;
}

/* What the kernel and DNS take: letters, digits, '-' and '.', 63 bytes, no '-' or '.' at an end. */
bool valid_hostname(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 63 || strchr("-.", name[0]) || strchr("-.", name[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    c == '-' || c == '.' || c == '_'))
			return false;
	}
	return true;
}
