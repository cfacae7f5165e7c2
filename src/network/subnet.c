/* SPDX-License-Identifier: Apache-2.0 */
#include "network/subnet.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

static const uint32_t pool[] = {
	0x0a580000,
	0x0a5b0000,
	0xac1d0000,
	0x0ac90000,
	0xc0a80000,
};

static uint32_t mask_of(int prefix)
{
	return prefix <= 0 ? 0 : UINT32_MAX << (32 - prefix);
}

bool subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	uint32_t common = mask_of(a->prefix) & mask_of(b->prefix);

	return (ntohl(a->network.s_addr) & common) == (ntohl(b->network.s_addr) & common);
}

bool subnet_has_host(const struct subnet *subnet, struct in_addr address)
{
	uint32_t host = ntohl(address.s_addr) & ~mask_of(subnet->prefix);

	return (ntohl(address.s_addr) & mask_of(subnet->prefix)) == ntohl(subnet->network.s_addr) &&
	       host != 0 && host != ~mask_of(subnet->prefix);
}

struct in_addr subnet_first_host(const struct subnet *subnet)
{
	return (struct in_addr){ htonl(ntohl(subnet->network.s_addr) | 1) };
}

/* Lines "iface destination gateway flags refcnt use metric mask …", words in hex, host order of a
 * little- or big-endian in_addr: read back as such. The default route clashes with nothing. */
static bool is_routed(const struct subnet *subnet, const char *routes)
{
	for (const char *line = routes; line; line = strchr(line, '\n')) {
		struct subnet route;
		struct in_addr mask;

		line += *line == '\n';
		if (sscanf(line, "%*s %x %*x %*x %*d %*d %*d %x", &route.network.s_addr,
			    &mask.s_addr) != 2)
			continue;
		route.prefix = __builtin_popcount(mask.s_addr);
		if (route.prefix && subnet_overlaps(subnet, &route))
			return true;
	}
	return false;
}

static unsigned first_try(const char *network)
{
	uint32_t hash = 2166136261u; /* FNV-1a: any spread will do */

	if (!strcmp(network, "bridge"))
		return 0;
	for (; *network; network++)
		hash = (hash ^ (uint8_t)*network) * 16777619u;
	return hash % 255 + 1; /* bridge's own stays free */
}

static bool is_free(
	const struct subnet *subnet, const char *routes, const struct subnet *taken, size_t n_taken)
{
	for (size_t i = 0; i < n_taken; i++) {
		if (subnet_overlaps(subnet, &taken[i]))
			return false;
	}
	return !is_routed(subnet, routes);
}

struct subnet subnet_choose(
	const char *network, const char *routes, const struct subnet *taken, size_t n_taken)
{
	unsigned first = first_try(network);

	for (size_t i = 0; i < ARRAY_SIZE(pool); i++) {
		for (unsigned n = 0; n < 256; n++) {
			struct subnet candidate = { { htonl(pool[i] | (first + n) % 256 << 8) },
				SUBNET_PREFIX };

			if (is_free(&candidate, routes, taken, n_taken))
				return candidate;
		}
	}
	return (struct subnet){ { htonl(pool[0] | first << 8) }, SUBNET_PREFIX };
}

void subnet_format(const struct subnet *subnet, char ret[SUBNET_TEXT])
{
	char address[INET_ADDRSTRLEN];

	(void)inet_ntop(AF_INET, &subnet->network, address, sizeof(address)); /* cannot fail */
	(void)snprintf(ret, SUBNET_TEXT, "%s/%d", address, subnet->prefix);
}

static bool parse(const char *text, struct in_addr *ret_address, int *ret_prefix)
{
	char address[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	char *end = NULL;
	long prefix;

	if (!slash || (size_t)(slash - text) >= sizeof(address) || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(address, text, (size_t)(slash - text));
	address[slash - text] = '\0';
	prefix = strtol(slash + 1, &end, 10);
	*ret_prefix = (int)prefix;
	return !*end && prefix >= 0 && prefix <= 32 &&
	       inet_pton(AF_INET, address, ret_address) == 1;
}

int subnet_parse(const char *text, struct subnet *ret, struct err *err)
{
	char want[SUBNET_TEXT];
	struct in_addr address;
	struct subnet subnet;

	if (!parse(text, &address, &subnet.prefix))
		return err_set(err, -EINVAL, "invalid CIDR address: %s", text);
	subnet.network.s_addr = htonl(ntohl(address.s_addr) & mask_of(subnet.prefix));
	subnet_format(&subnet, want);
	if (subnet.network.s_addr != address.s_addr)
		return err_set(err, -EINVAL, "invalid subnet %s: it should be %s", text, want);
	*ret = subnet;
	return 0;
}
