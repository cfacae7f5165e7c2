/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 subnets of networks, as text: always a /64. One that nobody chose is a unique local one (RFC 4193) made of
 * the network's random id, so it needs no search for a free one. Pure.
 */
#ifndef SBX_NETWORK_SUBNET6_H
#define SBX_NETWORK_SUBNET6_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"

#define SUBNET6_PREFIX 64
#define SUBNET6_BYTES  8 /* of an address that belong to the subnet */
#define SUBNET6_TEXT   (INET6_ADDRSTRLEN + 4)

/* id: hex digits. "fd53:6278:1234:5678::/64" */
void subnet6_choose(const char *id, char ret[SUBNET6_TEXT]);

/* Both "": no IPv6. -EINVAL: no /64, or a gateway that is no host's address in it. */
int subnet6_check(const char *subnet, const char *gateway, struct err *err);

int subnet6_first_host(const char *subnet, char ret[INET6_ADDRSTRLEN], struct err *err);
bool subnet6_same(const char *a, const char *b);

#endif
