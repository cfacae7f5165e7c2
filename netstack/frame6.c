/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/frame6.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "netstack/frame.h"

#define IP6_HEAD  40
#define TCP_HEAD  20
#define UDP_HEAD  8
#define ICMP_HEAD 8
#define TCP_URG   0x20
#define PORT_DHCP 547
#define PORT_TFTP 69

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
