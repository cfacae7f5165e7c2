/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/frame6.h"

#include <netinet/icmp6.h>
#include <string.h>

#define IP6_HEAD  40
#define TCP_HEAD  20
#define UDP_HEAD  8
#define ICMP_HEAD 8
#define TCP_URG   0x20
#define PORT_DHCP 547
#define PORT_TFTP 69
#define STEPS     8 /* extension headers, more is nonsense */
#define ND_TARGET 8
#define ND_FIXED  24 /* of a solicitation or advertisement; options follow */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* RFC 1624, as in frame.c. */
static void change16(uint8_t *at, uint16_t to, uint8_t *sum)
{
	uint32_t s = (uint32_t)(uint16_t)~get16(sum) + (uint16_t)~get16(at) + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	sum[0] = (uint8_t)(~s >> 8);
	sum[1] = (uint8_t)~s;
	at[0] = (uint8_t)(to >> 8);
	at[1] = (uint8_t)to;
}

static bool clean_tcp(uint8_t *tcp, size_t len)
{
	if (len < TCP_HEAD || (tcp[12] >> 4) * 4u < TCP_HEAD || (tcp[12] >> 4) * 4u > len)
		return false;
	if (get16(tcp + 18))
		change16(tcp + 18, 0, tcp + 16);
	if (tcp[13] & TCP_URG)
		change16(tcp + 12, get16(tcp + 12) & (uint16_t)~TCP_URG, tcp + 16);
	return true;
}

static bool clean_udp(const uint8_t *udp, size_t len)
{
	return len >= UDP_HEAD && get16(udp + 4) >= UDP_HEAD && get16(udp + 4) <= len &&
	       get16(udp + 2) != PORT_DHCP && get16(udp + 2) != PORT_TFTP;
}

static bool is_for_router(uint8_t type)
{
	return type == ICMP6_ECHO_REQUEST || type == ND_ROUTER_SOLICIT ||
	       type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT;
}

/* ::/96 holds ::, ::1 and the IPv4 addresses of old; ::ffff:0:0/96 those of today. */
static bool is_reachable(const uint8_t dst[16], bool discovery)
{
	static const uint8_t low[12] = { 0 }, mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (dst[0] == 0xff)
		return discovery;
	return memcmp(dst, low, sizeof(low)) != 0 && memcmp(dst, mapped, sizeof(mapped)) != 0;
}

struct in6_addr frame6_link_local(const uint8_t mac[6])
{
	return (struct in6_addr){ .s6_addr = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff,
					  0xfe, mac[3], mac[4], mac[5] } };
}

static bool is_own_address(const uint8_t address[16], const struct frame_port *port)
{
	const struct in6_addr local = frame6_link_local(port->mac);

	return memcmp(address, &local, 16) == 0 ||
	       (!IN6_IS_ADDR_UNSPECIFIED(&port->address6) &&
		       memcmp(address, &port->address6, 16) == 0);
}

/* Behind extension headers. NULL: there is no ICMPv6, as far as anybody could tell who looks only at whole packets
 * (discovery in fragments is dropped by its receiver, RFC 6980). *ret_bad: the headers end nowhere. */
static const uint8_t *find_icmp(const uint8_t *ip, size_t len, size_t *ret_len, bool *ret_bad)
{
	uint8_t next = ip[6];
	size_t at = IP6_HEAD;

	for (int i = 0; i < STEPS; i++) {
		if (next == IPPROTO_ICMPV6) {
			*ret_bad = len < at + ICMP_HEAD;
			*ret_len = len - at;
			return *ret_bad ? NULL : ip + at;
		}
		*ret_bad = false;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return NULL;
		*ret_bad = true;
		if (len < at + 8)
			return NULL;
		next = ip[at];
		at += (ip[at + 1] + 1u) * 8u;
	}
	return NULL;
}

/* Link-layer addresses in the options are the member's own. */
static bool options_are_own(const uint8_t *icmp, size_t len, const struct frame_port *port)
{
	for (size_t at = ND_FIXED; at < len; at += icmp[at + 1] * 8u) {
		if (len < at + 8 || !icmp[at + 1])
			return false;
		if ((icmp[at] == ND_OPT_SOURCE_LINKADDR || icmp[at] == ND_OPT_TARGET_LINKADDR) &&
			memcmp(icmp + at + 2, port->mac, 6) != 0)
			return false;
	}
	return true;
}

static bool discovery_is_own(const uint8_t *icmp, size_t len, const struct frame_port *port)
{
	switch (icmp[0]) {
	case ND_ROUTER_ADVERT:
	case ND_REDIRECT:
		return false;
	case ND_NEIGHBOR_ADVERT:
		return len >= ND_FIXED && is_own_address(icmp + ND_TARGET, port) &&
		       options_are_own(icmp, len, port);
	case ND_NEIGHBOR_SOLICIT:
		return len >= ND_FIXED && options_are_own(icmp, len, port);
	default:
		return true;
	}
}

bool frame6_is_members_own(const uint8_t *frame, size_t len, const struct frame_port *port)
{
	const uint8_t *ip = frame + FRAME_HEAD, *icmp;
	size_t icmp_len;
	bool bad;

	if (len < FRAME_HEAD + IP6_HEAD)
		return false;
	icmp = find_icmp(ip, len - FRAME_HEAD, &icmp_len, &bad);
	if (bad || (icmp && !discovery_is_own(icmp, icmp_len, port)))
		return false;
	/* before it has an address: is it mine, and which groups am I in */
	return is_own_address(ip + 8, port) ||
	       (icmp && memcmp(ip + 8, &in6addr_any, sizeof(in6addr_any)) == 0);
}

bool frame6_goes_up(const uint8_t *frame, const struct frame_lan *lan)
{
	const uint8_t *ip = frame + FRAME_HEAD, *dst = ip + 24;

	if (ip[6] == IPPROTO_ICMPV6 && ip[IP6_HEAD] != ICMP6_ECHO_REQUEST)
		return true;
	if (dst[0] == 0xfe && dst[1] >= 0x80) /* link-local, site-local */
		return ip[6] == IPPROTO_ICMPV6;
	return memcmp(dst, &lan->gateway6, 8) != 0 || memcmp(dst, &lan->gateway6, 16) == 0;
}

struct in6_addr frame6_target(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + FRAME_HEAD;
	struct in6_addr to = IN6ADDR_ANY_INIT;

	if (len < FRAME_HEAD + IP6_HEAD)
		return to;
	if (ip[24] != 0xff)
		memcpy(&to, ip + 24, sizeof(to));
	else if (len >= FRAME_HEAD + IP6_HEAD + ND_FIXED && ip[6] == IPPROTO_ICMPV6 &&
		 ip[IP6_HEAD] == ND_NEIGHBOR_SOLICIT)
		memcpy(&to, ip + IP6_HEAD + ND_TARGET, sizeof(to));
	return to;
}

bool frame6_clean(uint8_t *frame, size_t *len)
{
	uint8_t *ip = frame + FRAME_HEAD, *l4 = ip + IP6_HEAD;
	size_t payload;

	if (*len < FRAME_HEAD + IP6_HEAD || ip[0] >> 4 != 6)
		return false;
	payload = get16(ip + 4);
	if (payload > *len - FRAME_HEAD - IP6_HEAD)
		return false;
	*len = FRAME_HEAD + IP6_HEAD + payload;
	switch (ip[6]) {
	case IPPROTO_TCP:
		return is_reachable(ip + 24, false) && clean_tcp(l4, payload);
	case IPPROTO_UDP:
		return is_reachable(ip + 24, false) && clean_udp(l4, payload);
	case IPPROTO_ICMPV6:
		return payload >= ICMP_HEAD && is_for_router(l4[0]) &&
		       is_reachable(ip + 24, l4[0] != ICMP6_ECHO_REQUEST);
	default:
		return false;
	}
}
