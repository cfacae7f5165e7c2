/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/refuse.h"

#include <netinet/icmp6.h>
#include <string.h>

#include "netstack/packet.h"

#define ICMP_HEAD     8
#define WINDOW        32768
#define UNREACHABLE   3
#define CODE_PORT     3
#define CODE_FILTERED 13
#define QUOTE         8 /* bytes behind the quoted IP header: its ports */

/* back: to the member, from whom it is called. */
static void put_ethernet(const uint8_t *frame, bool back, uint8_t *out)
{
	memcpy(out, frame + (back ? 6 : 0), 6);
	memcpy(out + 6, frame + (back ? 0 : 6), 6);
	memcpy(out + 12, frame + 12, 2);
}

static size_t put_segment(const uint8_t *frame, struct packet_tcp *segment, bool back, uint8_t *out)
{
	const uint8_t *ip = frame + FRAME_HEAD, *ports = ip + packet_head(ip);
	const struct packet_ends ends = packet_ends(ip), turned = { ends.to, ends.from, ends.v6 };

	put_ethernet(frame, back, out);
	segment->from = packet_get16(ports + (back ? 2 : 0));
	segment->to = packet_get16(ports + (back ? 0 : 2));
	segment->window = WINDOW;
	return FRAME_HEAD + packet_put_tcp(out + FRAME_HEAD, back ? &turned : &ends, segment);
}

size_t refuse_reset(const uint8_t *frame, size_t len, uint8_t *out)
{
	struct packet_tcp tcp = packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD);
	struct packet_tcp reset = { .seq = tcp.ack, .flags = PACKET_RST };

	if (!(tcp.flags & PACKET_ACK)) { /* RFC 9293, 3.10.7.1 */
		reset.seq = 0;
		reset.ack = tcp.seq + (uint32_t)tcp.len + !!(tcp.flags & PACKET_SYN);
		reset.flags |= PACKET_ACK;
	}
	return put_segment(frame, &reset, true, out);
}

size_t refuse_acknowledge(const uint8_t *frame, size_t len, uint32_t ack, uint8_t *out)
{
	struct packet_tcp tcp = packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD);
	struct packet_tcp got = { .seq = tcp.ack, .ack = ack, .flags = PACKET_ACK };

	return put_segment(frame, &got, true, out);
}

size_t refuse_hang_up(const uint8_t *frame, size_t len, uint32_t seq, uint8_t *out)
{
	struct packet_tcp tcp = packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD);
	struct packet_tcp reset = { .seq = seq, .ack = tcp.ack, .flags = PACKET_RST | PACKET_ACK };

	return put_segment(frame, &reset, false, out);
}

/* Type and code of the message about a packet of `proto`. */
static void put_reason(uint8_t *icmp, bool v6, bool udp)
{
	memset(icmp, 0, ICMP_HEAD);
	icmp[0] = v6 ? ICMP6_DST_UNREACH : UNREACHABLE;
	icmp[1] = CODE_FILTERED;
	if (v6)
		icmp[1] = udp ? ICMP6_DST_UNREACH_NOPORT : ICMP6_DST_UNREACH_ADMIN;
	else if (udp)
		icmp[1] = CODE_PORT;
}

size_t refuse_unreachable(
	const uint8_t *frame, size_t len, const struct frame_lan *lan, uint8_t *out)
{
	const uint8_t *from = frame + FRAME_HEAD;
	const struct packet_ends asked = packet_ends(from);
	const struct packet_ends ends = { asked.v6 ? (const uint8_t *)&lan->gateway6
						   : (const uint8_t *)&lan->gateway,
		asked.from, asked.v6 };
	size_t quote = len - FRAME_HEAD, l4, head;
	uint8_t *ip = out + FRAME_HEAD, *icmp;
	uint8_t proto = asked.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (quote > packet_head(from) + QUOTE)
		quote = packet_head(from) + QUOTE;
	l4 = ICMP_HEAD + quote;
	put_ethernet(frame, true, out);
	head = packet_put_ip(ip, &ends, proto, l4);
	icmp = ip + head;
	put_reason(icmp, asked.v6, packet_proto(from) == IPPROTO_UDP);
	memcpy(icmp + ICMP_HEAD, from, quote);
	packet_put16(
		icmp + 2, frame_checksum(icmp, l4, asked.v6 ? packet_pseudo(&ends, proto, l4) : 0));
	return FRAME_HEAD + head + l4;
}
