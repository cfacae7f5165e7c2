/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/gate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "netstack/packet.h"

#define IP_HEAD  20
#define TCP_HEAD 20
#define HEADS    (FRAME_HEAD + IP_HEAD + TCP_HEAD)
#define SEQ      1000000u
#define PARTIAL  12000 /* bytes of a request without its end; less than is ever read, */
#define SINGLE   100   /* and more of it in frames of their own */

/* A member that may call good.test, which is 192.0.2.1, on a wire of which the test has the other end. Nothing is
 * handed to libslirp but what the gate hands to it: so no connection is ever made, and libslirp's words are ours. */
struct fixture {
	struct lan lan;
	struct loop *loop;
	struct member *member;
	int wire;
	uint8_t down[HEADS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	const struct lan_config config = { .gateway = { htonl(0x0a580001) }, .prefix = 24 };
	const struct lan_wish wish = { .names = "x", .egress = "good.test" };
	const struct in6_addr good = egress_from_v4((struct in_addr){ htonl(0xc0000201) });
	int pair[2];

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(lan_init(&f->lan, f->loop, &config, &err), 0);
	assert_int_equal(lan_join(&f->lan, &wish, &f->member, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(lan_adopt_tap(f->member, pair[0], &err), 0);
	f->wire = pair[1];
	egress_learn(f->member->egress, "good.test", &good);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lan_done(&f->lan);
	loop_free(f->loop);
	(void)close(f->wire);
	free(f);
	return 0;
}

struct segment {
	uint16_t port; /* the member's */
	uint32_t seq, ack;
	uint8_t flags;
	const char *text;
};

static void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* Returns its length. Up: from the member to port 80 of 192.0.2.1; else the other way round. */
static size_t make(struct fixture *f, const struct segment *s, bool up, uint8_t *frame)
{
	static const uint8_t there[] = { 0xc0, 0, 2, 1 };
	uint8_t *ip = frame + FRAME_HEAD, *tcp = ip + IP_HEAD;
	size_t len = s->text ? strlen(s->text) : 0;
	uint32_t sum = IPPROTO_TCP + (uint32_t)(TCP_HEAD + len);

	memset(frame, 0, HEADS);
	memcpy(frame + 6, f->member->port.mac, 6);
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, IP_HEAD + TCP_HEAD + len);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + (up ? 12 : 16), &f->member->port.address, 4);
	memcpy(ip + (up ? 16 : 12), there, 4);
	put16(ip + 10, frame_checksum(ip, IP_HEAD, 0));
	put16(tcp, up ? s->port : 80);
	put16(tcp + 2, up ? 80 : s->port);
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = TCP_HEAD / 4 << 4;
	tcp[13] = s->flags;
	if (len)
		memcpy(tcp + TCP_HEAD, s->text, len);
	for (int i = 12; i < 20; i += 2)
		sum += (uint32_t)(ip[i] << 8 | ip[i + 1]);
	put16(tcp + 16, frame_checksum(tcp, TCP_HEAD + len, sum));
	return HEADS + len;
}

/* True: it goes on to libslirp. */
static bool up(struct fixture *f, const struct segment *s)
{
	size_t len = make(f, s, true, f->lan.frame);

	return gate_up(f->member, len);
}

static void down(struct fixture *f, const struct segment *s)
{
	gate_down(f->member, f->down, make(f, s, false, f->down), HEADS);
}

static bool say(struct fixture *f, uint16_t port, uint32_t seq, const char *text)
{
	return up(f, &(struct segment){ port, seq, 1, PACKET_ACK, text });
}

/* What the member hears on this port until now: the flags of all that came, together. */
static unsigned hear(struct fixture *f, uint16_t port)
{
	uint8_t frame[2048];
	unsigned flags = 0;
	ssize_t n;

	while ((n = recv(f->wire, frame, sizeof(frame), 0)) > 0) {
		const uint8_t *tcp = frame + FRAME_HEAD + IP_HEAD;

		/* others: libslirp asks for the member's MAC */
		if (n >= HEADS && (tcp[2] << 8 | tcp[3]) == port)
			flags |= tcp[13];
	}
	return flags;
}

/* A connection of which libslirp has said that it stands. */
static void open_flow(struct fixture *f, uint16_t port)
{
	assert_true(up(f, &(struct segment){ port, SEQ, 0, PACKET_SYN, NULL }));
	down(f, &(struct segment){ port, 1, SEQ + 1, PACKET_SYN | PACKET_ACK, NULL });
}

static const char *partial(void)
{
	static const char begin[] = "GET / HTTP/1.1\r\nX: ";
	static char text[PARTIAL + 1];

	memset(text, 'a', PARTIAL);
	memcpy(text, begin, strlen(begin));
	return text;
}

static const char good[] = "GET / HTTP/1.1\r\nHost: good.test\r\n\r\n";
static const char evil[] = "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n";

static void an_allowed_request_passes_and_another_is_reset(void **state)
{
	struct fixture *f = *state;

	open_flow(f, 4000);
	assert_true(say(f, 4000, SEQ + 1, good));
	open_flow(f, 4001);
	assert_false(say(f, 4001, SEQ + 1, evil));
	assert_true(hear(f, 4001) & PACKET_RST);
	assert_false(say(f, 4001, SEQ + 1, good)); /* it is over */
}

static void a_request_in_parts_passes_once_it_is_whole(void **state)
{
	struct fixture *f = *state;

	open_flow(f, 4000);
	assert_false(say(f, 4000, SEQ + 1, "GET / HTTP/1.1\r\n"));
	assert_int_equal(hear(f, 4000), PACKET_ACK);
	assert_false(say(f, 4000, SEQ + 18, "out of order"));
	assert_true(say(f, 4000, SEQ + 17, "Host: good.test\r\n\r\n"));
	/* what was judged is not said once more in other words */
	assert_false(say(f, 4000, SEQ + 1, evil));
	assert_false(say(f, 4000, SEQ + 17, "Host: evil.test\r\n\r\n"));
	assert_true(say(f, 4000, SEQ + 17 + 19, "more"));
	down(f, &(struct segment){ 4000, 2, SEQ + 17 + 19, PACKET_ACK, NULL });
	assert_true(say(f, 4000, SEQ + 1, evil)); /* libslirp has other bytes there */
}

static void bytes_wait_for_the_connection_that_they_are_for(void **state)
{
	struct fixture *f = *state;

	assert_true(up(f, &(struct segment){ 4000, SEQ, 0, PACKET_SYN, NULL }));
	assert_false(say(f, 4000, SEQ + 1, good));
	down(f, &(struct segment){ 4000, 1, SEQ + 9, PACKET_SYN | PACKET_ACK, NULL });
	assert_false(say(f, 4000, SEQ + 1, good)); /* that was another connection's */
	down(f, &(struct segment){ 4000, 1, SEQ + 1, PACKET_SYN | PACKET_ACK, NULL });
	assert_true(say(f, 4000, SEQ + 1, good));
}

/* libslirp, which has the connection of the first SYN, takes the second for an old one of the same. Then the good
 * request at the second's numbers is old to it, and what it has acknowledged is beyond that one's end. */
static void a_second_syn_does_not_shift_what_is_judged(void **state)
{
	struct fixture *f = *state;

	open_flow(f, 4000);
	(void)up(f, &(struct segment){ 4000, SEQ - 5000, 0, PACKET_SYN, NULL });
	(void)say(f, 4000, SEQ - 4999, good);
	down(f, &(struct segment){ 4000, 2, SEQ + 1, PACKET_ACK, NULL });
	assert_false(say(f, 4000, SEQ + 1, evil));
}

static void a_forged_end_does_not_either(void **state)
{
	struct fixture *f = *state;

	open_flow(f, 4000);
	(void)up(f, &(struct segment){ 4000, SEQ + (1u << 30), 0, PACKET_RST, NULL });
	(void)up(f, &(struct segment){ 4000, SEQ - 5000, 0, PACKET_SYN, NULL });
	(void)say(f, 4000, SEQ - 4999, good);
	down(f, &(struct segment){ 4000, 2, SEQ + 1, PACKET_ACK, NULL });
	assert_false(say(f, 4000, SEQ + 1, evil));
}

static void bytes_on_a_syn_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_false(up(f, &(struct segment){ 4000, SEQ, 0, PACKET_SYN, good }));
	assert_true(hear(f, 4000) & PACKET_RST);
}

static void an_end_before_the_request_is_whole_is_a_refusal(void **state)
{
	struct fixture *f = *state;

	open_flow(f, 4000);
	assert_false(say(f, 4000, SEQ + 1, "GET / HT"));
	assert_int_equal(hear(f, 4000), PACKET_ACK);
	assert_false(up(f, &(struct segment){ 4000, SEQ + 9, 1, PACKET_ACK | PACKET_FIN, NULL }));
	assert_true(hear(f, 4000) & PACKET_RST);
	/* who says nothing at all may end */
	open_flow(f, 4001);
	assert_true(up(f, &(struct segment){ 4001, SEQ + 1, 1, PACKET_ACK | PACKET_FIN, NULL }));
}

/* False: one was not taken. Unacknowledged is what the member has to send once more. */
static bool fill(struct fixture *f, uint16_t port)
{
	assert_false(say(f, port, SEQ + 1, partial()));
	for (uint32_t i = 0; i < SINGLE; i++) {
		if (!hear(f, port))
			return false;
		assert_false(say(f, port, SEQ + 1 + PARTIAL + i, "a"));
	}
	return hear(f, port) == PACKET_ACK;
}

static void what_a_member_has_held_is_limited_and_freed_by_a_decision(void **state)
{
	const unsigned least = GATE_HELD_MAX / (PARTIAL + (SINGLE + 1) * (HEADS + 64)),
		       most = GATE_HELD_MAX / (PARTIAL + (SINGLE + 1) * HEADS);
	const uint16_t first = 4000, last = 4000 + GATE_PEEKS - 1;
	struct fixture *f = *state;
	unsigned taken = 0;

	assert_true(most < GATE_PEEKS - 2);
	for (uint16_t port = first; port <= last; port++) {
		open_flow(f, port);
		taken += fill(f, port);
	}
	assert_in_range(taken, least, most);
	assert_false(fill(f, last));
	/* a whole request needs no room */
	assert_true(say(f, last, SEQ + 1, good));
	assert_true(say(f, first, SEQ + 1 + PARTIAL + SINGLE, "\r\nHost: good.test\r\n\r\n"));
	(void)hear(f, first); /* what libslirp says to frames of no connection of its */
	assert_true(fill(f, last - 1));
}

static void a_request_byte_by_byte_ends_at_the_limit_of_its_flow(void **state)
{
	const uint32_t most = GATE_FLOW_HELD_MAX / HEADS;
	struct fixture *f = *state;
	unsigned flags = 0;
	uint32_t n = 0;

	open_flow(f, 4000);
	assert_false(say(f, 4000, SEQ + 1, "GET "));
	assert_int_equal(hear(f, 4000), PACKET_ACK);
	for (; n <= most && !(flags & PACKET_RST); n++) {
		assert_false(say(f, 4000, SEQ + 5 + n, "a"));
		flags = hear(f, 4000);
	}
	assert_in_range(n, 1000, most);
	/* all of it was given back */
	open_flow(f, 4001);
	assert_false(say(f, 4001, SEQ + 1, partial()));
	assert_int_equal(hear(f, 4001), PACKET_ACK);
}

static void a_member_may_leave_with_frames_held(void **state)
{
	struct fixture *f = *state;

	open_flow(f, 4000);
	assert_false(say(f, 4000, SEQ + 1, partial()));
	open_flow(f, 4001);
	assert_true(say(f, 4001, SEQ + 1, good));
	lan_leave(f->member);
	assert_int_equal(f->lan.n_members, 0);
}

static size_t make6(struct fixture *f, uint8_t proto, uint16_t port)
{
	static const uint8_t there[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 },
			     here[16] = { 0xfd, [15] = 2 };
	const struct packet_ends ends = { here, there, true };
	const struct packet_tcp syn = { .from = 4000, .to = port, .flags = PACKET_SYN };
	uint8_t *ip = f->lan.frame + FRAME_HEAD;

	memset(f->lan.frame, 0, FRAME_HEAD + 100);
	memcpy(f->lan.frame + 6, f->member->port.mac, 6);
	put16(f->lan.frame + 12, 0x86dd);
	if (proto == IPPROTO_TCP)
		return FRAME_HEAD + packet_put_tcp(ip, &ends, &syn);
	(void)packet_put_ip(ip, &ends, proto, 8);
	put16(ip + PACKET_IP6 + 2, port);
	ip[PACKET_IP6] = proto == IPPROTO_ICMPV6 ? 128 : 0;
	return FRAME_HEAD + PACKET_IP6 + 8;
}

/* The first answer's next header, and the byte of it that says what it is: flags or type. */
static void hear6(struct fixture *f, uint8_t *ret_proto, uint8_t *ret_what)
{
	uint8_t frame[2048];

	assert_true(recv(f->wire, frame, sizeof(frame), 0) > FRAME_HEAD + PACKET_IP6 + 8);
	assert_memory_equal(frame, f->member->port.mac, 6);
	*ret_proto = frame[FRAME_HEAD + 6];
	*ret_what = frame[FRAME_HEAD + PACKET_IP6 + (*ret_proto == IPPROTO_TCP ? 13 : 0)];
}

static void ipv6_is_judged_and_refused_as_ipv4_is(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMPV6 };
	struct in6_addr there = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
	struct fixture *f = *state;
	uint8_t proto, what;

	for (size_t i = 0; i < sizeof(protos); i++) {
		assert_false(gate_up(f->member, make6(f, protos[i], 80)));
		hear6(f, &proto, &what);
		assert_int_equal(proto, protos[i] == IPPROTO_TCP ? IPPROTO_TCP : IPPROTO_ICMPV6);
		assert_int_equal(what, protos[i] == IPPROTO_TCP ? PACKET_RST | PACKET_ACK : 1);
	}
	egress_learn(f->member->egress, "good.test", &there);
	for (size_t i = 0; i < sizeof(protos); i++)
		assert_true(gate_up(f->member, make6(f, protos[i], 80)));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TEST_MAIN(CASE(an_allowed_request_passes_and_another_is_reset),
	CASE(a_request_in_parts_passes_once_it_is_whole),
	CASE(bytes_wait_for_the_connection_that_they_are_for),
	CASE(a_second_syn_does_not_shift_what_is_judged), CASE(a_forged_end_does_not_either),
	CASE(bytes_on_a_syn_are_refused), CASE(an_end_before_the_request_is_whole_is_a_refusal),
	CASE(what_a_member_has_held_is_limited_and_freed_by_a_decision),
	CASE(a_request_byte_by_byte_ends_at_the_limit_of_its_flow),
	CASE(ipv6_is_judged_and_refused_as_ipv4_is), CASE(a_member_may_leave_with_frames_held))
