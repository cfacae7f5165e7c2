/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/frame.h"

#include <string.h>

#include "netstack/frame6.h"

#define TYPE_IPV4   0x0800
#define TYPE_ARP    0x0806
#define TYPE_IPV6   0x86dd
#define ARP_LEN     28
#define ARP_REQUEST 1
#define IP_HEAD     20
#define TCP_HEAD    20
#define UDP_HEAD    8
#define ICMP_HEAD   8
#define TCP_URG     0x20
#define PORT_DNS    53
#define PORT_DHCP   67
#define PORT_TFTP   69
#define IP_MORE     0x2000
#define IP_OFFSET   0x1fff

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static struct in_addr get_addr(const uint8_t *p)
{
	struct in_addr addr;

	memcpy(&addr, p, sizeof(addr));
	return addr;
}

uint16_t frame_checksum(const uint8_t *data, size_t len, uint32_t start)
{
	uint64_t sum = start;

	for (; len > 1; data += 2, len -= 2)
		sum += get16(data);
	if (len)
		sum += (uint32_t)(data[0] << 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* RFC 1624: a 16-bit word under the checksum at `sum` changes from `from` to `to`. */
static void fix_checksum(uint8_t *sum, uint16_t from, uint16_t to)
{
	uint32_t s = (uint32_t)(uint16_t)~get16(sum) + (uint16_t)~from + to;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	put16(sum, (uint16_t)~s);
}

static void change16(uint8_t *at, uint16_t to, uint8_t *sum)
{
	fix_checksum(sum, get16(at), to);
	put16(at, to);
}

enum frame_type frame_type(const uint8_t *frame, size_t len)
{
	if (len < FRAME_HEAD)
		return FRAME_OTHER;
	switch (get16(frame + 12)) {
	case TYPE_IPV4:
		return FRAME_IPV4;
	case TYPE_ARP:
		return FRAME_ARP;
	case TYPE_IPV6:
		return FRAME_IPV6;
	default:
		return FRAME_OTHER;
	}
}

bool frame_is_group(const uint8_t *frame)
{
	return frame[0] & 1;
}

/* Ethernet and IPv4 ARP of full length, or NULL. */
static const uint8_t *arp_of(const uint8_t *frame, size_t len)
{
	static const uint8_t kind[] = { 0, 1, 8, 0, 6, 4 };

	if (len < FRAME_HEAD + ARP_LEN || memcmp(frame + FRAME_HEAD, kind, sizeof(kind)) != 0)
		return NULL;
	return frame + FRAME_HEAD;
}

static bool arp_is_own(const uint8_t *frame, size_t len, const struct frame_port *port)
{
	const uint8_t *arp = arp_of(frame, len);
	struct in_addr sender;

	if (!arp || memcmp(arp + 8, port->mac, 6) != 0)
		return false;
	sender = get_addr(arp + 14);
	return sender.s_addr == 0 || sender.s_addr == port->address.s_addr; /* 0: address probe */
}

bool frame_is_members_own(const uint8_t *frame, size_t len, const struct frame_port *port)
{
	if (len < FRAME_HEAD || len > FRAME_MAX || memcmp(frame + 6, port->mac, 6) != 0)
		return false;
	switch (frame_type(frame, len)) {
	case FRAME_ARP:
		return arp_is_own(frame, len, port);
	case FRAME_IPV4:
		return len >= FRAME_HEAD + IP_HEAD &&
		       get_addr(frame + FRAME_HEAD + 12).s_addr == port->address.s_addr;
	case FRAME_IPV6:
		return frame6_is_members_own(frame, len, port);
	case FRAME_OTHER:
		return false;
	}
	return false;
}

bool frame_asks_gateway(const uint8_t *frame, size_t len, const struct frame_lan *lan)
{
	const uint8_t *arp = arp_of(frame, len);

	return arp && get16(arp + 6) == ARP_REQUEST &&
	       get_addr(arp + 24).s_addr == lan->gateway.s_addr;
}

bool frame_is_reachable(struct in_addr dst, const struct frame_lan *lan)
{
	uint32_t a = ntohl(dst.s_addr);

	if (a >> 24 == 0 || a >> 24 == 127 || a >> 28 >= 0xe)
		return false;
	return (dst.s_addr & lan->mask.s_addr) != lan->network.s_addr ||
	       dst.s_addr == lan->gateway.s_addr ||
	       (lan->dns == FRAME_DNS_DIRECT && dst.s_addr == lan->nameserver.s_addr);
}

static struct frame_frag *find_frag(struct frame_frags *frags, const uint8_t *ip)
{
	for (unsigned i = 0; i < FRAME_FRAGS; i++) {
		struct frame_frag *slot = &frags->slot[i];

		if (slot->next && slot->id == get16(ip + 4) && slot->proto == ip[9] &&
			slot->dst.s_addr == get_addr(ip + 16).s_addr)
			return slot;
	}
	return NULL;
}

/* Fragments pass only back to back from offset 0, the way Linux sends them: overlaps, holes and
 * datagrams beyond 65535 bytes never reach the reassembly. TCP is never fragmented. */
static bool fragment_fits(const uint8_t *ip, size_t total, struct frame_frags *frags)
{
	unsigned offset = (get16(ip + 6) & IP_OFFSET) * 8u,
		 end = offset + (unsigned)(total - IP_HEAD);
	bool more = get16(ip + 6) & IP_MORE;
	struct frame_frag *slot = find_frag(frags, ip);

	if (ip[9] == IPPROTO_TCP || end > UINT16_MAX - IP_HEAD || end == offset)
		return false;
	if (more && (total - IP_HEAD) % 8 != 0)
		return false;
	if (offset == 0) {
		if (slot)
			slot->next = 0; /* a second first fragment: the old rest will not fit */
		slot = &frags->slot[frags->oldest++ % FRAME_FRAGS];
		*slot = (struct frame_frag){
			.dst = get_addr(ip + 16), .id = get16(ip + 4), .proto = ip[9]
		};
	} else if (!slot || slot->next != offset) {
		return false;
	}
	slot->next = more ? (uint16_t)end : 0;
	return true;
}

/* Header lengths of the first (or only) part; offset and destination ports. */
static bool clean_transport(uint8_t *ip, size_t total)
{
	uint8_t *l4 = ip + IP_HEAD;
	size_t len = total - IP_HEAD;
	bool whole = !(get16(ip + 6) & (IP_MORE | IP_OFFSET));

	switch (ip[9]) {
	case IPPROTO_TCP:
		if (len < TCP_HEAD || (l4[12] >> 4) * 4u < TCP_HEAD || (l4[12] >> 4) * 4u > len)
			return false;
		if (get16(l4 + 18))
			change16(l4 + 18, 0, l4 + 16);
		if (l4[13] & TCP_URG)
			change16(l4 + 12, get16(l4 + 12) & (uint16_t)~TCP_URG, l4 + 16);
		return true;
	case IPPROTO_UDP:
		return len >= UDP_HEAD && get16(l4 + 4) >= UDP_HEAD &&
		       (!whole || get16(l4 + 4) <= len) && get16(l4 + 2) != PORT_DHCP &&
		       get16(l4 + 2) != PORT_TFTP;
	case IPPROTO_ICMP:
		return len >= ICMP_HEAD;
	default:
		return false;
	}
}

/* Rewrites the address at ip+at (12 = source, 16 = destination) and both checksums over it. */
static void change_address(uint8_t *ip, unsigned at, struct in_addr to)
{
	uint8_t *l4 = ip + IP_HEAD;
	uint8_t *sum = ip[9] == IPPROTO_TCP ? l4 + 16 : l4 + 6;
	uint8_t bytes[4];

	memcpy(bytes, &to, sizeof(bytes));
	for (unsigned i = 0; i < 4; i += 2) {
		if (ip[9] == IPPROTO_TCP || get16(sum) != 0) /* UDP: 0 = not computed */
			fix_checksum(sum, get16(ip + at + i), get16(bytes + i));
		change16(ip + at + i, get16(bytes + i), ip + 10);
	}
}

/* A whole TCP or UDP datagram with the port at l4+at. */
static bool is_dns(const uint8_t *ip, unsigned at)
{
	return (ip[9] == IPPROTO_TCP || ip[9] == IPPROTO_UDP) &&
	       !(get16(ip + 6) & (IP_MORE | IP_OFFSET)) && get16(ip + IP_HEAD + at) == PORT_DNS;
}

bool frame_clean(
	uint8_t *frame, size_t *len, const struct frame_lan *lan, struct frame_frags *frags)
{
	uint8_t *ip = frame + FRAME_HEAD;
	struct in_addr dst;
	size_t total;
	uint16_t frag;

	if (*len < FRAME_HEAD + IP_HEAD || ip[0] != 0x45)
		return false;
	total = get16(ip + 2);
	if (total < IP_HEAD || total > *len - FRAME_HEAD)
		return false;
	dst = get_addr(ip + 16);
	if (!frame_is_reachable(dst, lan))
		return false;
	frag = get16(ip + 6) & (IP_MORE | IP_OFFSET);
	if (!(frag & IP_OFFSET) && !clean_transport(ip, total))
		return false;
	if (frag && !fragment_fits(ip, total, frags))
		return false;
	if (dst.s_addr == lan->gateway.s_addr && lan->dns == FRAME_DNS_GATEWAY && !frag &&
		is_dns(ip, 2))
		change_address(ip, 16, lan->nameserver);
	*len = FRAME_HEAD + total;
	return true;
}

struct in_addr frame_answer(uint8_t *frame, size_t len, const struct frame_lan *lan)
{
	const uint8_t *arp = arp_of(frame, len);
	uint8_t *ip = frame + FRAME_HEAD;

	if (frame_type(frame, len) == FRAME_ARP && arp)
		return get_addr(arp + 24);
	if (frame_type(frame, len) != FRAME_IPV4 || len < FRAME_HEAD + IP_HEAD + TCP_HEAD) {
		if (frame_type(frame, len) == FRAME_IPV4 && len >= FRAME_HEAD + IP_HEAD)
			return get_addr(ip + 16);
		return (struct in_addr){ 0 };
	}
	if (ip[0] == 0x45 && get_addr(ip + 12).s_addr == lan->nameserver.s_addr && is_dns(ip, 0))
		change_address(ip, 12, lan->gateway);
	return get_addr(ip + 16);
}

uint8_t *frame_question(uint8_t *frame, size_t len, const struct frame_lan *lan, size_t *ret_len)
{
	uint8_t *ip = frame + FRAME_HEAD;

	if (len < FRAME_HEAD + IP_HEAD + UDP_HEAD || ip[9] != IPPROTO_UDP || !is_dns(ip, 2) ||
		get_addr(ip + 16).s_addr != lan->nameserver.s_addr)
		return NULL;
	*ret_len = get16(ip + IP_HEAD + 4) - (size_t)UDP_HEAD; /* frame_clean() has checked */
	return ip + IP_HEAD + UDP_HEAD;
}

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

size_t frame_reply(uint8_t *frame, const struct frame_lan *lan, size_t payload)
{
	uint8_t *ip = frame + FRAME_HEAD, *udp = ip + IP_HEAD;
	size_t l4 = UDP_HEAD + payload;
	uint32_t pseudo = IPPROTO_UDP + (uint32_t)l4;

	swap(frame, frame + 6, 6);
	swap(udp, udp + 2, 2);
	memcpy(ip + 16, ip + 12, 4);
	memcpy(ip + 12, &lan->gateway, 4);
	put16(ip + 2, (uint16_t)(IP_HEAD + l4));
	put16(ip + 10, 0);
	put16(ip + 10, frame_checksum(ip, IP_HEAD, 0));
	for (unsigned i = 12; i < 20; i += 2)
		pseudo += get16(ip + i);
	put16(udp + 4, (uint16_t)l4);
	put16(udp + 6, 0);
	put16(udp + 6, frame_checksum(udp, l4, pseudo));
	return FRAME_HEAD + IP_HEAD + l4;
}
