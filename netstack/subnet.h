/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which subnet a network gets: a /24 that no route of the host covers or lies in, so that a container
 * can reach whatever the host can. Pool, in this order: 10.88/16, 10.91/16, 172.29/16, 10.201/16,
 * 192.168/16 (none is a default of libvirt or Kubernetes). "bridge" tries from .0 on, other networks from
 * a place their name chooses, so that a network keeps its subnet from one start to the next.
 */
#ifndef SBX_NETSTACK_SUBNET_H
#define SBX_NETSTACK_SUBNET_H

#include <netinet/in.h>

#include "base/err.h"

#define SUBNET_PREFIX 24

/* Pure. routes is the text of /proc/net/route ("" when it has none). Always finds one: when
 * everything is taken, the first of the pool, where only the clashing hosts are out of reach. */
struct in_addr subnet_choose(const char *network, const char *routes);

/* "10.88.0.1/24": the gateway of a network that must come back. Only SUBNET_PREFIX. */
int subnet_parse_gateway(const char *text, struct in_addr *ret_network, struct err *err);

#endif
