/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/names_tcp.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "netstack/names.h"
#include "netstack/packet.h"

#define SEQ   1000000u
#define TRIES 200 /* turns of the loop, of at most 50 ms */

/* A member named web whose wire the test holds: it plays the kernel of a container. */
struct fixture {
	struct lan lan;
	struct loop *loop;
	struct member *member;
	int wire;
	uint8_t frame[FRAME_MAX];
	struct packet_tcp heard; /* payload points into frame */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	const struct lan_config config = { .gateway = { htonl(0x0a580001) }, .prefix = 24 };
	const struct lan_wish wish = { .names = "web" };
	int pair[2];

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(lan_init(&f->lan, f->loop, &config, &err), 0);
	assert_int_equal(lan_join(&f->lan, &wish, &f->member, &err), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
	assert_int_equal(lan_adopt_tap(f->member, pair[0], &err), 0);
	f->wire = pair[1];
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

static void say(struct fixture *f, const struct packet_tcp *tcp)
{
	const struct packet_ends ends = { (const uint8_t *)&f->member->port.address,
		(const uint8_t *)&f->lan.addresses.gateway, false };
	uint8_t *frame = f->lan.frame;
	struct packet_tcp all = *tcp;

	all.to = 53;
	memset(frame, 0x52, 6);
	memcpy(frame + 6, f->member->port.mac, 6);
	frame[12] = 8;
	frame[13] = 0;
	lan_forward(f->member, FRAME_HEAD + packet_put_tcp(frame + FRAME_HEAD, &ends, &all));
}

static int stop(void *data, struct err *err)
{
	loop_quit(data, 0);
	return 0;
}

static void turn(struct fixture *f)
{
	struct loop_source *timer = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(loop_add_timer(f->loop, 50, 0, stop, f->loop, &timer, &err), 0);
	assert_int_equal(loop_run(f->loop, &err), 0);
	loop_del(timer);
}

/* True: a segment for that port came. */
static bool hears_now(struct fixture *f, uint16_t port)
{
	ssize_t n;

	while ((n = recv(f->wire, f->frame, sizeof(f->frame), 0)) > 0) {
		const uint8_t *ip = f->frame + FRAME_HEAD;

		if (n < FRAME_HEAD + PACKET_IP4 + PACKET_TCP || packet_proto(ip) != IPPROTO_TCP)
			continue; /* libslirp asks for the member's MAC */
		f->heard = packet_read_tcp(ip, (size_t)n - FRAME_HEAD);
		assert_true(packet_checksum_is_right(ip, (size_t)n - FRAME_HEAD));
		assert_memory_equal(f->frame, f->member->port.mac, 6);
		assert_memory_equal(ip + 12, &f->lan.addresses.gateway, 4);
		if (f->heard.to == port)
			return true;
	}
	return false;
}

static void hear(struct fixture *f, uint16_t port)
{
	for (int i = 0; i < TRIES; i++) {
		if (hears_now(f, port))
			return;
		turn(f);
	}
	fail_msg("nothing was said to port %u", port);
}

/* Waits for bytes, which acknowledgements are not. */
static void hear_bytes(struct fixture *f, uint16_t port)
{
	do
		hear(f, port);
	while (!f->heard.len);
}

/* Returns the number of our first byte. */
static uint32_t dial(struct fixture *f, uint16_t port, uint16_t window)
{
	uint32_t first;

	say(f, &(struct packet_tcp){ .from = port, .seq = SEQ, .flags = PACKET_SYN, .mss = 1460 });
	hear(f, port);
	assert_int_equal(f->heard.flags, PACKET_SYN | PACKET_ACK);
	assert_int_equal(f->heard.ack, SEQ + 1);
	first = f->heard.seq + 1;
	say(f, &(struct packet_tcp){ .from = port,
		       .seq = SEQ + 1,
		       .ack = first,
		       .flags = PACKET_ACK,
		       .window = window });
	return first;
}

static const uint8_t question[] = { 0, 21, 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 'w', 'e',
	'b', 0, 0, 1, 0, 1 };

static void ask(struct fixture *f, uint16_t port, uint32_t ack, uint8_t flags)
{
	say(f, &(struct packet_tcp){ .from = port,
		       .seq = SEQ + 1,
		       .ack = ack,
		       .window = 8192,
		       .flags = (uint8_t)(PACKET_ACK | flags),
		       .payload = question,
		       .len = sizeof(question) });
}

static void a_question_has_its_answer_and_an_end_its_end(void **state)
{
	struct fixture *f = *state;
	uint32_t first = dial(f, 4000, 8192);

	ask(f, 4000, first, PACKET_FIN);
	hear_bytes(f, 4000);
	assert_int_equal(f->heard.seq, first);
	assert_int_equal(f->heard.ack, SEQ + 1 + sizeof(question) + 1);
	assert_int_equal(f->heard.len, sizeof(question) + 16);
	assert_memory_equal(f->heard.payload + 2, question + 2, 2);
	assert_memory_equal(f->heard.payload + f->heard.len - 4, &f->member->port.address, 4);
	first += (uint32_t)f->heard.len;
	say(f, &(struct packet_tcp){ .from = 4000,
		       .seq = SEQ + 2 + sizeof(question),
		       .ack = first,
		       .flags = PACKET_ACK,
		       .window = 8192 });
	do
		hear(f, 4000);
	while (!(f->heard.flags & PACKET_FIN));
	assert_int_equal(f->heard.seq, first);
	assert_non_null(f->member->calls);
	say(f, &(struct packet_tcp){ .from = 4000,
		       .seq = SEQ + 2 + sizeof(question),
		       .ack = first + 1,
		       .flags = PACKET_ACK,
		       .window = 8192 });
	assert_null(f->member->calls);
}

static void what_gets_lost_comes_again(void **state)
{
	struct fixture *f = *state;
	uint32_t first;

	say(f, &(struct packet_tcp){ .from = 4000, .seq = SEQ, .flags = PACKET_SYN });
	hear(f, 4000);
	first = f->heard.seq + 1;
	hear(f, 4000); /* by itself */
	assert_int_equal(f->heard.seq + 1, first);
	assert_int_equal(f->heard.flags, PACKET_SYN | PACKET_ACK);
	say(f, &(struct packet_tcp){ .from = 4000,
		       .seq = SEQ + 1,
		       .ack = first,
		       .flags = PACKET_ACK,
		       .window = 8192 });
	ask(f, 4000, first, 0);
	hear_bytes(f, 4000);
	hear_bytes(f, 4000);
	assert_int_equal(f->heard.seq, first);
	ask(f, 4000, first, 0); /* neither is a question asked twice */
	hear(f, 4000);
	assert_int_equal(f->heard.ack, SEQ + 1 + sizeof(question));
}

/* All of an answer, in the pieces that fit: a window of 8 bytes, closed at first. */
static void a_slow_reader_gets_its_answer_in_pieces(void **state)
{
	struct fixture *f = *state;
	uint32_t first = dial(f, 4000, 0), have = first;
	uint8_t got[sizeof(question) + 16];

	say(f, &(struct packet_tcp){ .from = 4000,
		       .seq = SEQ + 1,
		       .ack = first,
		       .flags = PACKET_ACK,
		       .payload = question,
		       .len = sizeof(question) });
	while (have - first < sizeof(got)) {
		hear_bytes(f, 4000);
		assert_in_range(f->heard.len, 1, 8);
		if (f->heard.seq == have) {
			assert_true(have - first + f->heard.len <= sizeof(got));
			memcpy(got + (have - first), f->heard.payload, f->heard.len);
			have += (uint32_t)f->heard.len;
		}
		say(f, &(struct packet_tcp){ .from = 4000,
			       .seq = SEQ + 1 + sizeof(question),
			       .ack = have,
			       .flags = PACKET_ACK,
			       .window = 8 });
	}
	assert_memory_equal(got + sizeof(got) - 4, &f->member->port.address, 4);
}

static void a_flood_of_connections_is_reset_and_no_memory(void **state)
{
	struct fixture *f = *state;
	unsigned resets = 0;

	for (uint16_t port = 4000; port < 4000 + 3 * NAMES_STREAMS; port++) {
		say(f, &(struct packet_tcp){ .from = port, .seq = SEQ, .flags = PACKET_SYN });
		hear(f, port);
		resets += (f->heard.flags & PACKET_RST) != 0;
	}
	assert_int_equal(resets, 2 * NAMES_STREAMS);
	say(f, &(struct packet_tcp){ .from = 4000, .seq = SEQ + 1, .flags = PACKET_RST });
	say(f, &(struct packet_tcp){ .from = 5000, .seq = SEQ, .flags = PACKET_SYN });
	hear(f, 5000);
	assert_int_equal(f->heard.flags, PACKET_SYN | PACKET_ACK);
}

static void what_belongs_to_no_connection_is_reset(void **state)
{
	struct fixture *f = *state;

	say(f, &(struct packet_tcp){ .from = 4000, .seq = SEQ, .ack = 77, .flags = PACKET_ACK });
	hear(f, 4000);
	assert_int_equal(f->heard.flags, PACKET_RST);
	assert_int_equal(f->heard.seq, 77);
	say(f, &(struct packet_tcp){ .from = 4000, .seq = SEQ, .ack = 77, .flags = PACKET_RST });
	assert_false(hears_now(f, 4000));
}

/* Numbers that no kernel would send: neither what is next nor what overlaps it. */
static void nonsense_does_no_harm(void **state)
{
	static const uint32_t odd[] = { 0, 1, SEQ - 10, SEQ + 2, SEQ + 0x7fffffff, SEQ + 0x80000001,
		UINT32_MAX };
	const size_t n = sizeof(odd) / sizeof(odd[0]);
	struct fixture *f = *state;
	uint32_t first = dial(f, 4000, 8192);

	for (size_t i = 0; i < n * n * 64; i++) {
		uint8_t flags = i % 64;

		if ((flags & (PACKET_RST | PACKET_SYN | PACKET_ACK)) == PACKET_SYN)
			continue; /* that one begins anew */
		say(f, &(struct packet_tcp){ .from = 4000,
			       .seq = odd[i / 64 % n],
			       .ack = odd[i / 64 / n],
			       .flags = flags,
			       .payload = question,
			       .len = i / 64 % 2 * 9 });
	}
	while (hears_now(f, 4000))
		;
	ask(f, 4000, first, 0);
	hear_bytes(f, 4000);
	assert_int_equal(f->heard.seq, first);
}

static void a_member_may_leave_in_the_middle(void **state)
{
	struct fixture *f = *state;

	(void)dial(f, 4000, 8192);
	say(f, &(struct packet_tcp){ .from = 4001, .seq = SEQ, .flags = PACKET_SYN });
	ask(f, 4000, 0, 0);
	lan_leave(f->member);
	assert_int_equal(f->lan.n_members, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TEST_MAIN(CASE(a_question_has_its_answer_and_an_end_its_end), CASE(what_gets_lost_comes_again),
	CASE(a_slow_reader_gets_its_answer_in_pieces),
	CASE(a_flood_of_connections_is_reset_and_no_memory),
	CASE(what_belongs_to_no_connection_is_reset), CASE(nonsense_does_no_harm),
	CASE(a_member_may_leave_in_the_middle))
