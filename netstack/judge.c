/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/judge.h"

#include <string.h>

#define PORT_DNS      53
#define PREFIX6_BYTES 8

static bool is_open(const struct member *member, uint16_t port)
{
	for (size_t i = 0; i < member->n_loopback; i++) {
		if (!member->loopback[i] || member->loopback[i] == port)
			return true;
	}
	return false;
}

/* The gateway's address, or the host's own (host.docker.internal is that), with a port opened on loopback. */
static bool is_loopback(const struct member *member, const struct sockaddr_in *to)
{
	struct in_addr host = { 0 };

	if (!member->n_loopback || !is_open(member, ntohs(to->sin_port)))
		return false;
	if (to->sin_addr.s_addr == member->lan->addresses.gateway.s_addr)
		return to->sin_port != htons(PORT_DNS);
	return lan_find_host(&host) && to->sin_addr.s_addr == host.s_addr;
}

static enum outbound_verdict judge_v4(const struct member *member, struct sockaddr_in *to)
{
	const struct frame_lan *lan = &member->lan->addresses;

	if (is_loopback(member, to)) {
		to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return OUTBOUND_CONNECT;
	}
	if (to->sin_addr.s_addr == lan->gateway.s_addr)
		return to->sin_port == htons(PORT_DNS) ? OUTBOUND_LIBSLIRP : OUTBOUND_REFUSE;
	if ((to->sin_addr.s_addr & lan->mask.s_addr) == lan->network.s_addr)
		return OUTBOUND_LIBSLIRP; /* a neighbour: the tap's */
	return frame_is_reachable(to->sin_addr, lan) ? OUTBOUND_CONNECT : OUTBOUND_REFUSE;
}

/* What connect(2) takes for the host itself, or for more than one: ::/96 with :: and ::1, IPv4 addresses in
 * disguise, link-local and multicast ones. */
static enum outbound_verdict judge_v6(const struct member *member, const struct in6_addr *to)
{
	static const uint8_t zero[10];

	if (memcmp(to->s6_addr, zero, sizeof(zero)) == 0 || IN6_IS_ADDR_LINKLOCAL(to) ||
		IN6_IS_ADDR_SITELOCAL(to) || IN6_IS_ADDR_MULTICAST(to))
		return OUTBOUND_REFUSE;
	/* a neighbour or the gateway: the tap's */
	return memcmp(to, &member->lan->addresses.gateway6, PREFIX6_BYTES) == 0 ? OUTBOUND_LIBSLIRP
										: OUTBOUND_CONNECT;
}

enum outbound_verdict judge_connect(const struct member *member, union syn_address *to)
{
	if (member->lan->internal)
		return OUTBOUND_REFUSE;
	switch (to->any.sa_family) {
	case AF_INET:
		return judge_v4(member, &to->in);
	case AF_INET6:
		return judge_v6(member, &to->in6.sin6_addr);
	default:
		return OUTBOUND_REFUSE;
	}
}
