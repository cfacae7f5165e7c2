/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 on the segment: addresses of members in a /64 beside those of IPv4, and what may leave. Without a
 * gateway6 members have link-local addresses among themselves, and nothing leaves.
 */
#ifndef SBX_NETSTACK_LAN6_H
#define SBX_NETSTACK_LAN6_H

#include "netstack/lan.h"

/* The wanted address, else the /64 and the host's part of the IPv4 address; :: on a network without IPv6.
 * -EADDRINUSE, -EINVAL for an exact wish that cannot be. */
int lan6_choose(const struct lan *lan, const struct lan_wish *wish, struct in_addr v4,
	struct in6_addr *ret, struct err *err);
void lan6_add(struct member *member);
void lan6_remove(struct member *member);

/* By its address or its link-local one; NULL = nobody has it. */
struct member *lan6_find(const struct lan *lan, const struct in6_addr *address);

/* Within its /64? */
bool lan6_is_inside(const struct lan *lan, const struct in6_addr *address);

/* Where the host is reached over IPv6: the address its packets to the world carry, by its routes now; no packet is sent.
 * False: it has no way there, or the network has no IPv6. */
bool lan6_find_host(const struct lan *lan, struct in6_addr *ret);

/* Makes a member's own frame fit for libslirp, in place; false = it is not for it. */
bool lan6_may_go_up(const struct lan *lan, uint8_t *frame, size_t *len);

#endif
