/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/packet.h"

#include <string.h>

#include "netstack/frame.h"

#define TTL      64
#define MSS_KIND 2
#define MSS_LEN  4
#define NOP_KIND 1

uint16_t packet_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

void packet_put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)packet_get16(p) << 16 | packet_get16(p + 2);
}

static void put32(uint8_t *p, uint32_t v)
{
	packet_put16(p, v >> 16);
	packet_put16(p + 2, v & 0xffff);
}

static bool is_v6(const uint8_t *ip)
{
	return ip[0] >> 4 == 6;
}

struct packet_ends packet_ends(const uint8_t *ip)
{
	return is_v6(ip) ? (struct packet_ends){ ip + 8, ip + 24, true }
			 : (struct packet_ends){ ip + 12, ip + 16, false };
}

size_t packet_head(const uint8_t *ip)
{
	return is_v6(ip) ? PACKET_IP6 : PACKET_IP4;
}

uint8_t packet_proto(const uint8_t *ip)
{
	return is_v6(ip) ? ip[6] : ip[9];
}

struct in6_addr packet_address(const uint8_t *address, bool v6)
{
	struct in6_addr ret = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(ret.s6_addr + (v6 ? 0 : 12), address, v6 ? 16 : 4);
	return ret;
}

uint32_t packet_pseudo(const struct packet_ends *ends, uint8_t proto, size_t len)
{
	uint32_t sum = proto + (uint32_t)(len >> 16) + (uint32_t)(len & 0xffff);

	for (unsigned i = 0; i < (ends->v6 ? 16 : 4); i += 2)
		sum += (uint32_t)packet_get16(ends->from + i) + packet_get16(ends->to + i);
	return sum;
}

size_t packet_put_ip(uint8_t *ip, const struct packet_ends *ends, uint8_t proto, size_t payload)
{
	uint8_t addresses[32];
	size_t one = ends->v6 ? 16 : 4;

	memcpy(addresses, ends->from, one); /* they may be this header's own */
	memcpy(addresses + one, ends->to, one);
	memset(ip, 0, ends->v6 ? PACKET_IP6 : PACKET_IP4);
	if (ends->v6) {
		ip[0] = 0x60;
		packet_put16(ip + 4, (unsigned)payload);
		ip[6] = proto;
		ip[7] = TTL;
		memcpy(ip + 8, addresses, 32);
		return PACKET_IP6;
	}
	ip[0] = 0x45;
	packet_put16(ip + 2, (unsigned)(PACKET_IP4 + payload));
	ip[6] = 0x40; /* don't fragment */
	ip[8] = TTL;
	ip[9] = proto;
	memcpy(ip + 12, addresses, 8);
	packet_put16(ip + 10, frame_checksum(ip, PACKET_IP4, 0));
	return PACKET_IP4;
}

uint16_t packet_read_mss(const uint8_t *ip, size_t ip_len)
{
	const uint8_t *tcp = ip + packet_head(ip), *option = tcp + PACKET_TCP, *end;
	size_t head = (tcp[12] >> 4) * 4u, all = ip_len - packet_head(ip);

	end = tcp + (head < all ? head : all);
	while (option < end && *option) {
		if (*option == NOP_KIND) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			return 0;
		if (option[0] == MSS_KIND && option[1] == MSS_LEN)
			return packet_get16(option + 2);
		option += option[1];
	}
	return 0;
}

struct packet_tcp packet_read_tcp(const uint8_t *ip, size_t ip_len)
{
	const uint8_t *tcp = ip + packet_head(ip);
	size_t head = (tcp[12] >> 4) * 4u, all = ip_len - packet_head(ip);

	return (struct packet_tcp){ .from = packet_get16(tcp),
		.to = packet_get16(tcp + 2),
		.seq = get32(tcp + 4),
		.ack = get32(tcp + 8),
		.flags = tcp[13],
		.window = packet_get16(tcp + 14),
		.payload = tcp + head,
		.len = all > head ? all - head : 0 };
}

bool packet_checksum_is_right(const uint8_t *ip, size_t ip_len)
{
	struct packet_ends ends = packet_ends(ip);
	size_t head = packet_head(ip), l4 = ip_len - head;

	return frame_checksum(ip + head, l4, packet_pseudo(&ends, packet_proto(ip), l4)) == 0;
}

size_t packet_put_tcp(uint8_t *ip, const struct packet_ends *ends, const struct packet_tcp *tcp)
{
	size_t options = tcp->mss ? MSS_LEN : 0, l4 = PACKET_TCP + options + tcp->len;
	size_t head = packet_put_ip(ip, ends, IPPROTO_TCP, l4);
	const struct packet_ends own = packet_ends(ip);
	uint8_t *out = ip + head;

	memset(out, 0, PACKET_TCP);
	packet_put16(out, tcp->from);
	packet_put16(out + 2, tcp->to);
	put32(out + 4, tcp->seq);
	put32(out + 8, tcp->ack);
	out[12] = (uint8_t)((PACKET_TCP + options) / 4 << 4);
	out[13] = tcp->flags;
	packet_put16(out + 14, tcp->window);
	if (options) {
		out[PACKET_TCP] = MSS_KIND;
		out[PACKET_TCP + 1] = MSS_LEN;
		packet_put16(out + PACKET_TCP + 2, tcp->mss);
	}
	if (tcp->len)
		memcpy(out + PACKET_TCP + options, tcp->payload, tcp->len);
	packet_put16(out + 16, frame_checksum(out, l4, packet_pseudo(&own, IPPROTO_TCP, l4)));
	return head + l4;
}
