/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

void net_endpoint_done(struct net_endpoint *endpoint)
{
	free(endpoint->network);
	free(endpoint->ip);
	free(endpoint->ip6);
	free(endpoint->mac);
	strv_done(&endpoint->aliases);
	strv_done(&endpoint->links);
	*endpoint = (struct net_endpoint){ 0 };
}

#define LOOPBACK_SUFFIX ":host-loopback"

static int set_once(char **slot, const char *text, const char *value, struct err *err)
{
	if (*slot)
		return err_set(err, -EINVAL, "invalid network '%s': said twice: %s", text, value);
	*slot = xstrdup(value);
	return 0;
}

static int take_field(struct net_endpoint *e, const char *text, char *field, struct err *err)
{
	char *value = strchr(field, '=');

	if (!value || !value[1] || value == field)
		return err_set(err, -EINVAL, "invalid field '%s' in network '%s': want KEY=VALUE",
			field, text);
	*value++ = '\0';
	if (!strcmp(field, "name"))
		return set_once(&e->network, text, value, err);
	if (!strcmp(field, "ip"))
		return set_once(&e->ip, text, value, err);
	if (!strcmp(field, "ip6"))
		return set_once(&e->ip6, text, value, err);
	if (!strcmp(field, "mac") || !strcmp(field, "mac-address"))
		return set_once(&e->mac, text, value, err);
	if (strcmp(field, "alias") != 0)
		return err_set(err, -EINVAL,
			"invalid network '%s': unknown option %s; there are alias, ip, ip6 and mac",
			text, field);
	strv_add(&e->aliases, value);
	return 0;
}

static int take_fields(
	struct net_endpoint *e, const char *text, const char *fields, struct err *err)
{
	autofree char *copy = xstrdup(fields);
	char *rest = copy, *field;

	while ((field = strsep(&rest, ",")))
		TRY(take_field(e, text, field, err));
	return 0;
}

static int parse(const char *text, struct net_endpoint *e, struct err *err)
{
	static const char *const whole[] = { "container:", "ns:" };
	size_t len = strcspn(text, ":");

	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		if (strncmp(text, whole[i], strlen(whole[i])) == 0)
			len = strlen(text);
	}
	if (strncmp(text + len, LOOPBACK_SUFFIX, strlen(LOOPBACK_SUFFIX)) == 0)
		len = strlen(text); /* part of the name: network_plan() reads its ports */
	if (strncmp(text, "name=", 5) == 0) {
		TRY(take_fields(e, text, text, err));
	} else {
		e->network = xstrndup(text, len);
		if (text[len])
			TRY(take_fields(e, text, text + len + 1, err));
	}
	return 0;
}

int parse_endpoint(const char *text, struct net_endpoint *ret, struct err *err)
{
	struct net_endpoint e = { 0 };
	int r = parse(text, &e, err);

	if (r < 0)
		net_endpoint_done(&e);
	else
		*ret = e;
	return r;
}
