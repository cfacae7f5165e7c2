/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subnets: their texts, and which one a network gets that nobody chose one for: a /24 that no route of the
 * host and no other network covers or lies in, so that a container can reach whatever the host can. Pool,
 * in this order: 10.88/16, 10.91/16, 172.29/16, 10.201/16, 192.168/16 (none is a default of libvirt or
 * Kubernetes). "bridge" tries from .0 on, other networks from a place their name chooses. Pure.
 */
#ifndef SBX_NETWORK_SUBNET_H
#define SBX_NETWORK_SUBNET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SUBNET_PREFIX     24
#define SUBNET_MIN_PREFIX 8
#define SUBNET_MAX_PREFIX 29 /* gateway, nameserver, and somebody to talk to */
#define SUBNET_TEXT       (INET_ADDRSTRLEN + 3)

struct subnet {
	struct in_addr network; /* network order, host bits zero */
	int prefix;
};

/* routes is the text of /proc/net/route ("" when it has none). Always finds one: when everything is
 * taken, the first of the pool, where only the clashing hosts are out of reach. */
struct subnet subnet_choose(
	const char *network, const char *routes, const struct subnet *taken, size_t n_taken);

/* "10.88.0.0/24". -EINVAL with Docker's words. */
int subnet_parse(const char *text, struct subnet *ret, struct err *err);
void subnet_format(const struct subnet *subnet, char ret[SUBNET_TEXT]);

bool subnet_overlaps(const struct subnet *a, const struct subnet *b);
/* A host's address: neither the network's own nor its broadcast. */
bool subnet_has_host(const struct subnet *subnet, struct in_addr address);
struct in_addr subnet_first_host(const struct subnet *subnet);

#endif
