/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hostile member with rules (--egress), and its connections to the gateway's DNS: a row of TCP segments, datagrams
 * and pings over IPv4 and IPv6 in both directions, in front of libslirp. Each step is a head of eight bytes (see
 * struct step) and that many bytes of payload. What passes must have been allowed, and memory stays within its limits.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/gate.h"
#include "netstack/names_tcp.h"
#include "netstack/packet.h"

#define PORTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct step {
	uint8_t kind;     /* bits 0-1 protocol, 2 IPv6, 3 down, 4-5 where to */
	uint8_t flags;    /* of TCP */
	uint8_t port;     /* which of a few */
	uint8_t len;      /* of the payload, times four */
	int16_t seq, ack; /* from where the connection began */
};

static struct lan *make_lan(struct loop **ret_loop, struct member **ret_member)
{
	struct lan *lan = calloc(1, sizeof(*lan));
	const struct lan_config config = { .gateway = { htonl(0x0a580001) },
		.prefix = 24,
		.gateway6 = { .s6_addr = { 0xfd, [15] = 1 } } };
	const struct lan_wish wish = { .names = "fuzz", .egress = "good.test,203.0.113.8:7" };
	const struct in6_addr good = egress_from_v4((struct in_addr){ htonl(0xcb007109) }),
			      good6 = { .s6_addr = { 0x20, 1, 0x0d, 0xb8, [15] = 9 } };
	struct err err = ERR_INIT;

	if (!lan || loop_new(ret_loop, &err) < 0 || lan_init(lan, *ret_loop, &config, &err) < 0 ||
		lan_join(lan, &wish, ret_member, &err) < 0)
		abort();
	egress_learn((*ret_member)->egress, "good.test", &good);
	egress_learn((*ret_member)->egress, "good.test", &good6);
	return lan;
}

/* Addresses of documentation, which nothing routes: the good one, another, one by address, the gateway. */
static void choose(const struct step *step, const struct lan *lan, uint8_t ret[16])
{
	static const uint8_t v6[][16] = { { 0x20, 1, 0x0d, 0xb8, [15] = 9 },
		{ 0x20, 1, 0x0d, 0xb8, [15] = 10 }, { 0x20, 1, 0x0d, 0xb8, [15] = 8 } };
	static const uint8_t v4[][4] = { { 203, 0, 113, 9 }, { 203, 0, 113, 10 },
		{ 203, 0, 113, 8 } };
	unsigned which = step->kind >> 4 & 3;

	if (which == 3 && (step->kind & 4))
		memcpy(ret, &lan->addresses.gateway6, 16);
	else if (which == 3)
		memcpy(ret, &lan->addresses.gateway, 4);
	else
		memcpy(ret, (step->kind & 4) ? v6[which] : v4[which], (step->kind & 4) ? 16 : 4);
}

static size_t build(
	const struct step *step, const struct member *member, const uint8_t *payload, size_t len)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP };
	struct lan *lan = member->lan;
	bool v6 = step->kind & 4, down = step->kind & 8;
	uint8_t there[16], *frame = lan->frame, *ip = frame + FRAME_HEAD,
			   proto = protos[step->kind & 3];
	const uint8_t *here = v6 ? (const uint8_t *)&member->port.address6
				 : (const uint8_t *)&member->port.address;
	const struct packet_ends ends = { down ? there : here, down ? here : there, v6 };
	uint16_t own = (uint16_t)(4000 + step->port % PORTS),
		 port = (step->kind >> 4 & 3) == 3 ? 53 : 80;
	const struct packet_tcp tcp = { .from = down ? port : own,
		.to = down ? own : port,
		.seq = 1000u + (uint32_t)step->seq,
		.ack = 1000u + (uint32_t)step->ack,
		.flags = step->flags,
		.window = 512,
		.payload = payload,
		.len = len };
	size_t head;

	choose(step, lan, there);
	memset(frame, 0x52, 6);
	memcpy(frame + 6, member->port.mac, 6);
	packet_put16(frame + 12, v6 ? 0x86dd : 0x0800);
	if (proto == IPPROTO_TCP)
		return FRAME_HEAD + packet_put_tcp(ip, &ends, &tcp);
	if (v6 && proto == IPPROTO_ICMP)
		proto = IPPROTO_ICMPV6;
	head = packet_put_ip(ip, &ends, proto, 8 + len);
	memset(ip + head, 0, 8);
	memcpy(ip + head + 8, payload, len);
	packet_put16(ip + head, proto == IPPROTO_UDP ? tcp.from : (unsigned)(v6 ? 128 : 8) << 8);
	packet_put16(ip + head + 2, proto == IPPROTO_UDP ? tcp.to : 0);
	packet_put16(ip + head + 4, proto == IPPROTO_UDP ? (unsigned)(8 + len) : own);
	return FRAME_HEAD + head + 8 + len;
}

static void take(struct member *member, const struct step *step, const uint8_t *payload, size_t len)
{
	struct lan *lan = member->lan;
	size_t n = build(step, member, payload, len);
	unsigned where = step->kind >> 4 & 3;

	if (step->kind & 8) {
		gate_down(member, lan->frame, n < STACK_HEAD ? n : STACK_HEAD, n);
		return;
	}
	/* nothing for an address that nobody allowed goes on; where 2 is allowed for another port only */
	if ((where == 1 || where == 2) && (step->kind & 3) != 3)
		assert(!gate_up(member, n));
	else
		lan_forward(member, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct member *member = NULL;
	struct loop *loop = NULL;
	struct lan *lan = make_lan(&loop, &member);
	struct err err = ERR_INIT;

	while (size >= sizeof(struct step)) {
		struct step step;
		size_t len;

		memcpy(&step, data, sizeof(step));
		data += sizeof(step);
		size -= sizeof(step);
		len = step.len * 4u < size ? step.len * 4u : size;
		take(member, &step, data, len);
		data += len;
		size -= len;
	}
	(void)stack_settle(lan->stack, &err);
	lan_done(lan);
	loop_free(loop);
	free(lan);
	return 0;
}
