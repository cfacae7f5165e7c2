/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/refuse.h"

#include <string.h>

#include "netstack/frame.h"

#define IP_HEAD       20
#define TCP_HEAD      20
#define ICMP_HEAD     8
#define TTL           64
#define WINDOW        32768
#define UNREACHABLE   3
#define CODE_PORT     3
#define CODE_FILTERED 13

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

struct refuse_tcp refuse_read_tcp(const uint8_t *frame, size_t len)
{
	const uint8_t *tcp = frame + FRAME_HEAD + IP_HEAD;
	size_t head = (tcp[12] >> 4) * 4u, all = len - FRAME_HEAD - IP_HEAD;

	return (struct refuse_tcp){ .seq = get32(tcp + 4),
		.ack = get32(tcp + 8),
		.flags = tcp[13],
		.payload = tcp + head,
		.len = all > head ? all - head : 0 };
}

/* Over the addresses at ip + 12, protocol and length. */
static uint32_t pseudo_sum(const uint8_t *ip, size_t l4)
{
	uint32_t sum = ip[9] + (uint32_t)l4;

	for (unsigned i = 12; i < 20; i += 2)
		sum += get16(ip + i);
	return sum;
}

int refuse_checksum_is_right(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + FRAME_HEAD;
	size_t l4 = len - FRAME_HEAD - IP_HEAD;

	return frame_checksum(ip + IP_HEAD, l4, pseudo_sum(ip, l4)) == 0;
}

static void put_ip(uint8_t *ip, uint8_t proto, size_t total, const uint8_t *addresses)
{
	memset(ip, 0, IP_HEAD);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)total);
	ip[6] = 0x40; /* don't fragment */
	ip[8] = TTL;
	ip[9] = proto;
	memcpy(ip + 12, addresses, 8);
	put16(ip + 10, frame_checksum(ip, IP_HEAD, 0));
}

struct segment {
	uint32_t seq, ack;
	uint8_t flags;
	bool back; /* to the member */
};

static size_t put_segment(const uint8_t *frame, const struct segment *segment, uint8_t *out)
{
	const uint8_t *from = frame + FRAME_HEAD;
	uint8_t *ip = out + FRAME_HEAD, *tcp = ip + IP_HEAD, addresses[8];
	int a = segment->back ? 4 : 0, m = segment->back ? 6 : 0, p = segment->back ? 2 : 0;

	memcpy(out, frame + m, 6);
	memcpy(out + 6, frame + 6 - m, 6);
	memcpy(out + 12, frame + 12, 2);
	memcpy(addresses, from + 12 + a, 4);
	memcpy(addresses + 4, from + 16 - a, 4);
	put_ip(ip, IPPROTO_TCP, IP_HEAD + TCP_HEAD, addresses);
	memset(tcp, 0, TCP_HEAD);
	memcpy(tcp, from + IP_HEAD + p, 2);
	memcpy(tcp + 2, from + IP_HEAD + 2 - p, 2);
	put32(tcp + 4, segment->seq);
	put32(tcp + 8, segment->ack);
	tcp[12] = TCP_HEAD / 4 << 4;
	tcp[13] = segment->flags;
	put16(tcp + 14, WINDOW);
	put16(tcp + 16, frame_checksum(tcp, TCP_HEAD, pseudo_sum(ip, TCP_HEAD)));
	return FRAME_HEAD + IP_HEAD + TCP_HEAD;
}

size_t refuse_reset(const uint8_t *frame, size_t len, uint8_t *out)
{
	struct refuse_tcp tcp = refuse_read_tcp(frame, len);
	struct segment reset = { .seq = tcp.ack, .flags = REFUSE_RST, .back = true };

	if (!(tcp.flags & REFUSE_ACK)) { /* RFC 9293, 3.10.7.1 */
		reset.seq = 0;
		reset.ack = tcp.seq + (uint32_t)tcp.len + !!(tcp.flags & REFUSE_SYN);
		reset.flags |= REFUSE_ACK;
	}
	return put_segment(frame, &reset, out);
}

size_t refuse_acknowledge(const uint8_t *frame, size_t len, uint32_t ack, uint8_t *out)
{
	struct refuse_tcp tcp = refuse_read_tcp(frame, len);
	struct segment got = { .seq = tcp.ack, .ack = ack, .flags = REFUSE_ACK, .back = true };

	return put_segment(frame, &got, out);
}

size_t refuse_hang_up(const uint8_t *frame, size_t len, uint32_t seq, uint8_t *out)
{
	struct refuse_tcp tcp = refuse_read_tcp(frame, len);
	struct segment reset = { .seq = seq, .ack = tcp.ack, .flags = REFUSE_RST | REFUSE_ACK };

	return put_segment(frame, &reset, out);
}

size_t refuse_unreachable(const uint8_t *frame, size_t len, struct in_addr gateway, uint8_t *out)
{
	const uint8_t *from = frame + FRAME_HEAD;
	uint8_t *ip = out + FRAME_HEAD, *icmp = ip + IP_HEAD, addresses[8];
	size_t quote = len - FRAME_HEAD < IP_HEAD + 8 ? len - FRAME_HEAD : IP_HEAD + 8;

	memcpy(out, frame + 6, 6);
	memcpy(out + 6, frame, 6);
	memcpy(out + 12, frame + 12, 2);
	memcpy(addresses, &gateway, 4);
	memcpy(addresses + 4, from + 12, 4);
	put_ip(ip, IPPROTO_ICMP, IP_HEAD + ICMP_HEAD + quote, addresses);
	memset(icmp, 0, ICMP_HEAD);
	icmp[0] = UNREACHABLE;
	icmp[1] = from[9] == IPPROTO_UDP ? CODE_PORT : CODE_FILTERED;
	memcpy(icmp + ICMP_HEAD, from, quote);
	put16(icmp + 2, frame_checksum(icmp, ICMP_HEAD + quote, 0));
	return FRAME_HEAD + IP_HEAD + ICMP_HEAD + quote;
}
