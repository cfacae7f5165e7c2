/* SPDX-License-Identifier: Apache-2.0 */
#include "network/subnet6.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

static void format(const struct in6_addr *network, char ret[SUBNET6_TEXT])
{
	char address[INET6_ADDRSTRLEN];

	(void)inet_ntop(AF_INET6, network, address, sizeof(address)); /* cannot fail */
	(void)snprintf(ret, SUBNET6_TEXT, "%s/%d", address, SUBNET6_PREFIX);
}

static int parse(const char *text, struct in6_addr *ret, struct err *err)
{
	char address[INET6_ADDRSTRLEN], want[SUBNET6_TEXT];
	const char *slash = strchr(text, '/');
	struct in6_addr network;

	if (!slash || (size_t)(slash - text) >= sizeof(address))
		return err_set(err, -EINVAL, "invalid CIDR address: %s", text);
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	if (inet_pton(AF_INET6, address, &network) != 1)
		return err_set(err, -EINVAL, "invalid CIDR address: %s", text);
	if (strcmp(slash, "/64") != 0)
		return err_set(err, -EINVAL,
			"invalid subnet %s: an IPv6 subnet is a /64 here, no other size", text);
	if (network.s6_addr[0] == 0xff || network.s6_addr[0] == 0xfe ||
		(!network.s6_addr[0] && !network.s6_addr[1]))
		return err_set(err, -EINVAL,
			"invalid subnet %s: its addresses have a meaning of their own", text);
	memset(network.s6_addr + SUBNET6_BYTES, 0, 16 - SUBNET6_BYTES);
	format(&network, want);
	*ret = network;
	(void)inet_pton(AF_INET6, address, &network); /* as above */
	if (memcmp(&network, ret, sizeof(network)) != 0)
		return err_set(err, -EINVAL, "invalid subnet %s: it should be %s", text, want);
	return 0;
}

void subnet6_choose(const char *id, char ret[SUBNET6_TEXT])
{
	struct in6_addr network = { .s6_addr = { 0xfd } };
	unsigned byte;

	for (int i = 1; i < SUBNET6_BYTES && sscanf(id + (i - 1) * 2, "%2x", &byte) == 1; i++)
		network.s6_addr[i] = (uint8_t)byte;
	format(&network, ret);
}

int subnet6_check(const char *subnet, const char *gateway, struct err *err)
{
	struct in6_addr network, address;

	if (!*subnet)
		return 0;
	TRY(parse(subnet, &network, err));
	if (inet_pton(AF_INET6, gateway, &address) != 1)
		return err_set(err, -EINVAL, "invalid gateway address \"%s\"", gateway);
	if (memcmp(&network, &address, SUBNET6_BYTES) != 0 ||
		memcmp(&network, &address, sizeof(address)) == 0)
		return err_set(err, -EINVAL, "no matching subnet for gateway %s", gateway);
	return 0;
}

int subnet6_first_host(const char *subnet, char ret[INET6_ADDRSTRLEN], struct err *err)
{
	struct in6_addr network;

	TRY(parse(subnet, &network, err));
	network.s6_addr[15] = 1;
	(void)inet_ntop(AF_INET6, &network, ret, INET6_ADDRSTRLEN);
	return 0;
}

bool subnet6_same(const char *a, const char *b)
{
	struct err none = ERR_INIT;
	struct in6_addr x, y;

	return *a && *b && parse(a, &x, &none) == 0 && parse(b, &y, &none) == 0 &&
	       memcmp(&x, &y, sizeof(x)) == 0;
}
