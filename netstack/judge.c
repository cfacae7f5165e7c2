/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/judge.h"

#include <string.h>

#define PORT_DNS 53

static enum outbound_verdict judge_v4(const struct member *member, struct sockaddr_in *to)
{
	const struct frame_lan *lan = &member->lan->addresses;

	if (to->sin_addr.s_addr == lan->gateway.s_addr)
		return to->sin_port == htons(PORT_DNS) ? OUTBOUND_LIBSLIRP : OUTBOUND_REFUSE;
	if ((to->sin_addr.s_addr & lan->mask.s_addr) == lan->network.s_addr)
		return OUTBOUND_LIBSLIRP; /* a neighbour: the tap's */
	return frame_is_reachable(to->sin_addr, lan) ? OUTBOUND_CONNECT : OUTBOUND_REFUSE;
}

/* What connect(2) takes for the host itself, or for more than one: ::/96 with :: and ::1, IPv4 addresses in
 * disguise, link-local and multicast ones. */
static enum outbound_verdict judge_v6(const struct in6_addr *to)
{
	static const uint8_t zero[10];

	if (memcmp(to->s6_addr, zero, sizeof(zero)) == 0 || IN6_IS_ADDR_LINKLOCAL(to) ||
		IN6_IS_ADDR_SITELOCAL(to) || IN6_IS_ADDR_MULTICAST(to))
		return OUTBOUND_REFUSE;
	return OUTBOUND_CONNECT;
}

enum outbound_verdict judge_connect(const struct member *member, union syn_address *to)
{
	if (member->lan->internal)
		return OUTBOUND_REFUSE;
	switch (to->any.sa_family) {
	case AF_INET:
		return judge_v4(member, &to->in);
	case AF_INET6:
		return judge_v6(&to->in6.sin6_addr);
	default:
		return OUTBOUND_REFUSE;
	}
}
