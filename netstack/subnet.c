/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/subnet.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "base/own.h"

#define MASK_24 0xffffff00u

static const uint32_t pool[] = {
	0x0a580000,
	0x0a5b0000,
	0xac1d0000,
	0x0ac90000,
	0xc0a80000,
};

static bool overlaps(uint32_t a, uint32_t a_mask, uint32_t b, uint32_t b_mask)
{
	uint32_t common = a_mask & b_mask;

	return (a & common) == (b & common);
}

/* Lines "iface destination gateway flags refcnt use metric mask …", words in hex, host order of a
 * little- or big-endian in_addr: read back as such. The default route clashes with nothing. */
static bool is_routed(uint32_t subnet, const char *routes)
{
	for (const char *line = routes; line; line = strchr(line, '\n')) {
		struct in_addr dst, mask;

		line += *line == '\n';
		if (sscanf(line, "%*s %x %*x %*x %*d %*d %*d %x", &dst.s_addr, &mask.s_addr) != 2)
			continue;
		if (mask.s_addr && overlaps(subnet, MASK_24, ntohl(dst.s_addr), ntohl(mask.s_addr)))
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

struct in_addr subnet_choose(const char *network, const char *routes)
{
	unsigned first = first_try(network);
	uint32_t subnet = pool[0] | first << 8;

	for (size_t i = 0; i < ARRAY_SIZE(pool); i++) {
		for (unsigned n = 0; n < 256; n++) {
			uint32_t candidate = pool[i] | (first + n) % 256 << 8;

			if (!is_routed(candidate, routes))
				return (struct in_addr){ htonl(candidate) };
		}
	}
	return (struct in_addr){ htonl(subnet) };
}

int subnet_parse_gateway(const char *text, struct in_addr *ret_network, struct err *err)
{
	char addr[INET_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	struct in_addr gateway;

	if (!slash || (size_t)(slash - text) >= sizeof(addr) || strcmp(slash, "/24") != 0)
		return err_set(err, -EINVAL, "'%s' is not ADDRESS/24", text);
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	if (inet_pton(AF_INET, addr, &gateway) != 1)
		return err_set(err, -EINVAL, "'%s' is not ADDRESS/24", text);
	ret_network->s_addr = gateway.s_addr & htonl(MASK_24);
	return 0;
}
