/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "netstack/lan6.h"

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

static bool is_loopback6(const struct member *member, const struct sockaddr_in6 *to)
{
	struct in6_addr host;

	if (!member->n_loopback || !is_open(member, ntohs(to->sin6_port)))
		return false;
	if (IN6_ARE_ADDR_EQUAL(&to->sin6_addr, &member->lan->addresses.gateway6))
		return to->sin6_port != htons(PORT_DNS);
	return lan6_find_host(member->lan, &host) && IN6_ARE_ADDR_EQUAL(&to->sin6_addr, &host);
}

static bool targets(const union syn_address *to, struct egress_target *ret)
{
	*ret = (struct egress_target){ .proto = IPPROTO_TCP };
	if (to->any.sa_family == AF_INET6) {
		ret->address = to->in6.sin6_addr;
		ret->port = ntohs(to->in6.sin6_port);
		return !IN6_IS_ADDR_LOOPBACK(&ret->address); /* see below */
	}
	ret->address = egress_from_v4(to->in.sin_addr);
	ret->port = ntohs(to->in.sin_port);
	/* a port of the loopback was opened by name: rules are not about it */
	return ntohl(to->in.sin_addr.s_addr) >> 24 != IN_LOOPBACKNET;
}

static enum outbound_verdict ask_rules(struct member *member, const union syn_address *to)
{
	struct egress_target target;
	const char *name;

	if (!member->egress || !targets(to, &target) ||
		egress_ask(member->egress, &target, &name) != EGRESS_REFUSE)
		return OUTBOUND_CONNECT;
	(void)netlog_begin(&member->log, &target, name, true); /* it has no end */
	return OUTBOUND_REFUSE;
}

static enum outbound_verdict judge_v4(const struct member *member, struct sockaddr_in *to)
{
	const struct frame_lan *lan = &member->lan->addresses;

	if (is_loopback(member, to)) {
		to->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return OUTBOUND_CONNECT;
	}
	if (to->sin_addr.s_addr == lan->gateway.s_addr)
		return to->sin_port == htons(PORT_DNS) ? OUTBOUND_LOCAL : OUTBOUND_REFUSE;
	if ((to->sin_addr.s_addr & lan->mask.s_addr) == lan->network.s_addr)
		return OUTBOUND_LIBSLIRP; /* a neighbour: the tap's */
	return frame_is_reachable(to->sin_addr, lan) ? OUTBOUND_CONNECT : OUTBOUND_REFUSE;
}

/* What connect(2) takes for the host itself, or for more than one: ::/96 with :: and ::1, IPv4 addresses in
 * disguise, link-local and multicast ones. */
static enum outbound_verdict judge_v6(const struct member *member, struct sockaddr_in6 *sin6)
{
	static const uint8_t zero[10];
	const struct in6_addr *to = &sin6->sin6_addr, *gateway = &member->lan->addresses.gateway6;

	if (memcmp(to->s6_addr, zero, sizeof(zero)) == 0 || IN6_IS_ADDR_LINKLOCAL(to) ||
		IN6_IS_ADDR_SITELOCAL(to) || IN6_IS_ADDR_MULTICAST(to))
		return OUTBOUND_REFUSE;
	if (is_loopback6(member, sin6)) {
		sin6->sin6_addr = in6addr_loopback;
		return OUTBOUND_CONNECT;
	}
	if (IN6_ARE_ADDR_EQUAL(to, gateway))
		return sin6->sin6_port == htons(PORT_DNS) ? OUTBOUND_LOCAL : OUTBOUND_REFUSE;
	/* a neighbour: the tap's */
	return memcmp(to, gateway, PREFIX6_BYTES) == 0 ? OUTBOUND_LIBSLIRP : OUTBOUND_CONNECT;
}

enum outbound_verdict judge_connect(struct member *member, union syn_address *to)
{
	enum outbound_verdict verdict = OUTBOUND_REFUSE;

	if (to->any.sa_family == AF_INET)
		verdict = judge_v4(member, &to->in);
	else if (to->any.sa_family == AF_INET6)
		verdict = judge_v6(member, &to->in6);
	if (member->lan->internal && verdict != OUTBOUND_LOCAL)
		return OUTBOUND_REFUSE;
	return verdict == OUTBOUND_CONNECT ? ask_rules(member, to) : verdict;
}

/* ---- what becomes of it ---- */

struct pass {
	struct outbound_pass outbound; /* first */
	struct member *member;
	struct egress_target to;
	uint64_t id;
	bool refused;
};

static int on_bytes(void *data, const uint8_t *bytes, size_t len)
{
	struct pass *pass = data;
	char name[EGRESS_NAME];
	enum egress_verdict verdict = egress_ask_bytes(
		pass->member->egress, &pass->to, bytes, len, name);

	if (verdict == EGRESS_PEEK)
		return 0;
	netlog_name(&pass->member->log, pass->id, name);
	pass->refused = verdict == EGRESS_REFUSE;
	return pass->refused ? -1 : 1;
}

static void on_done(struct outbound_pass *outbound, const uint64_t *bytes)
{
	static const uint64_t none[2];
	struct pass *pass = (struct pass *)(void *)outbound;

	netlog_end(&pass->member->log, pass->id, bytes ? bytes : none,
		pass->refused ? "refused"
		: bytes       ? "closed"
			      : "failed");
	free(pass);
}

int judge_watch(struct member *member, const union syn_address *to, struct outbound_pass **ret)
{
	struct egress_target target;
	const char *name;
	struct pass *pass;

	*ret = NULL;
	if (!member->egress || !targets(to, &target))
		return 0;
	pass = calloc(1, sizeof(*pass));
	if (!pass)
		return -ENOMEM;
	*pass = (struct pass){ .outbound.done = on_done, .member = member, .to = target };
	if (egress_ask(member->egress, &target, &name) != EGRESS_ALLOW)
		pass->outbound.peek = on_bytes;
	pass->id = netlog_begin(&member->log, &target, name, false);
	*ret = &pass->outbound;
	return 0;
}
