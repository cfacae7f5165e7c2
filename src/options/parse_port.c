/* SPDX-License-Identifier: Apache-2.0 */
/*
 * -p in Docker's forms: 80, 8080:80, IP:8080:80, IP::80, ranges on both sides, /udp, [::1]:80:80.
 * Pure: whether a port is free or allowed is found out when it is bound.
 */
#include "options/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

struct range {
	uint16_t first, last;
};

/* "80" or "80-85"; digits only, so that "+80", " 80" and "0x50" are refused. */
static int parse_number(const char *s, size_t len, uint16_t *ret)
{
	unsigned n = 0;

	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		n = n * 10 + (unsigned)(s[i] - '0');
	}
	if (n > 65535)
		return -EINVAL;
	*ret = (uint16_t)n;
	return 0;
}

static int parse_range(const char *s, struct range *ret)
{
	const char *dash = strchr(s, '-');
	struct range r;

	TRY(parse_number(s, dash ? (size_t)(dash - s) : strlen(s), &r.first));
	r.last = r.first;
	if (dash)
		TRY(parse_number(dash + 1, strlen(dash + 1), &r.last));
	if (r.last < r.first)
		return -EINVAL;
	*ret = r;
	return 0;
}

static int parse_proto(const char *name, enum publish_proto *ret)
{
	static const struct {
		const char *name;
		enum publish_proto proto;
	} known[] = { { "tcp", PUBLISH_TCP }, { "udp", PUBLISH_UDP }, { "sctp", PUBLISH_SCTP } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcasecmp(name, known[i].name) == 0) {
			*ret = known[i].proto;
			return 0;
		}
	}
	return -EINVAL;
}

/* Cuts the container's part off at the last ':' that is not inside brackets; *ret_left is what stood
 * before it, NULL when there was nothing. */
static char *cut_last(char *text, char **ret_left)
{
	char *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');

	if (!colon || (bracket && bracket > colon)) {
		*ret_left = NULL;
		return text;
	}
	*colon = '\0';
	*ret_left = text;
	return colon + 1;
}

/* "127.0.0.1", "[::1]" or "::1" into ret[46]. */
static int parse_ip(char *text, char *ret, struct err *err)
{
	unsigned char raw[16];
	size_t len = strlen(text);
	char *ip = text;

	if (ip[0] == '[' && len > 2 && ip[len - 1] == ']') {
		ip[len - 1] = '\0';
		ip++;
	}
	if (inet_pton(AF_INET, ip, raw) != 1 && inet_pton(AF_INET6, ip, raw) != 1)
		return err_set(err, -EINVAL, "invalid IP address: %s", text);
	(void)snprintf(ret, 46, "%s", ip);
	return 0;
}

struct spec {
	struct publish base;
	struct range host, container;
	bool host_given;
};

/* The host's half: "8080", "IP:8080", "IP:" or "". */
static int parse_host(char *text, struct spec *spec, struct err *err)
{
	char *ip, *port = cut_last(text, &ip);

	/* "[::1]" without a port after it: cut_last saw no colon outside the brackets */
	if (!ip && port[0] == '[') {
		ip = port;
		port = port + strlen(port);
	}
	if (ip && *ip)
		TRY(parse_ip(ip, spec->base.host_ip, err));
	if (!*port)
		return 0;
	if (parse_range(port, &spec->host) < 0)
		return err_set(err, -EINVAL, "invalid hostPort: %s", port);
	spec->host_given = spec->host.first != 0 || spec->host.last != 0;
	return 0;
}

static int check_ranges(const struct spec *spec, struct err *err)
{
	int ports = spec->container.last - spec->container.first;
	int hosts = spec->host.last - spec->host.first;

	if (!spec->host_given || ports == hosts)
		return 0;
	if (ports == 0)
		return 0; /* the first free one */
	return err_set(err, -EINVAL,
		"invalid ranges specified for container and host Ports: %d-%d and %d-%d",
		spec->container.first, spec->container.last, spec->host.first, spec->host.last);
}

static int parse_spec(char *text, struct spec *ret, struct err *err)
{
	struct spec spec = { 0 };
	char *slash = strchr(text, '/'), *host, *port;

	if (slash)
		*slash = '\0';
	port = cut_last(text, &host);
	if (!*port)
		return err_set(err, -EINVAL, "no port specified: %s:<empty>", host ? host : "");
	if (parse_range(port, &spec.container) < 0 || spec.container.first == 0)
		return err_set(err, -EINVAL, "invalid containerPort: %s", port);
	if (slash && parse_proto(slash + 1, &spec.base.proto) < 0)
		return err_set(err, -EINVAL, "invalid proto: %s", slash + 1);
	if (host)
		TRY(parse_host(host, &spec, err));
	TRY(check_ranges(&spec, err));
	*ret = spec;
	return 0;
}

int parse_publish(const char *value, struct publish **list, size_t *n, struct err *err)
{
	autofree char *text = xstrdup(value);
	struct spec spec = { 0 };
	size_t count;

	TRY(parse_spec(text, &spec, err));
	count = (size_t)(spec.container.last - spec.container.first) + 1;
	*list = xreallocarray(*list, *n + count, sizeof(**list));
	for (size_t i = 0; i < count; i++) {
		struct publish *p = &(*list)[(*n)++];

		*p = spec.base;
		p->port = (uint16_t)(spec.container.first + i);
		p->host_port = spec.host_given ? (uint16_t)(spec.host.first + i) : 0;
		if (count == 1 && spec.host.last > spec.host.first)
			p->host_last = spec.host.last;
	}
	return 0;
}

int parse_loopback_ports(const char *value, struct loopback_ports *ret, struct err *err)
{
	const char *at = value;

	for (;;) {
		size_t len = strcspn(at, ",");
		uint16_t port;

		if (parse_number(at, len, &port) < 0 || port == 0)
			return err_set(err, -EINVAL,
				"--host-loopback '%s': want PORT[,PORT], ports of the host's own "
				"127.0.0.1",
				value);
		if (ret->n == LOOPBACK_PORTS_MAX)
			return err_set(err, -EINVAL, "--host-loopback: more than %d ports",
				LOOPBACK_PORTS_MAX);
		ret->port[ret->n++] = port;
		if (!at[len])
			return 0;
		at += len + 1;
	}
}
