/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/packet.h"

#include <string.h>

#include "harness.h"
#include "netstack/frame.h"
#include "netstack/refuse.h"

static const uint8_t here4[] = { 10, 88, 0, 2 }, there4[] = { 192, 0, 2, 1 };
static const uint8_t here6[16] = { 0xfd, [15] = 2 }, there6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 1 };
static const struct packet_ends ends[] = { { here4, there4, false }, { here6, there6, true } };

static void what_is_written_is_read_back_and_its_sum_is_right(void **state)
{
	const struct packet_tcp tcp = { .from = 4000,
		.to = 53,
		.seq = 0xfffffffe,
		.ack = 7,
		.flags = PACKET_SYN | PACKET_ACK,
		.window = 8192,
		.mss = 1460,
		.payload = (const uint8_t *)"hello",
		.len = 5 };

	for (int i = 0; i < 2; i++) {
		uint8_t ip[100];
		size_t len = packet_put_tcp(ip, &ends[i], &tcp);
		struct packet_tcp got = packet_read_tcp(ip, len);

		assert_int_equal(len, packet_head(ip) + PACKET_TCP + 4 + 5);
		assert_int_equal(packet_proto(ip), IPPROTO_TCP);
		assert_true(packet_checksum_is_right(ip, len));
		assert_memory_equal(packet_ends(ip).from, ends[i].from, i ? 16 : 4);
		assert_memory_equal(packet_ends(ip).to, ends[i].to, i ? 16 : 4);
		assert_int_equal(got.from, 4000);
		assert_int_equal(got.to, 53);
		assert_int_equal(got.seq, tcp.seq);
		assert_int_equal(got.ack, 7);
		assert_int_equal(got.flags, tcp.flags);
		assert_int_equal(got.window, 8192);
		assert_int_equal(packet_read_mss(ip, len), 1460);
		assert_int_equal(got.len, 5);
		assert_memory_equal(got.payload, "hello", 5);
		ip[len - 1] ^= 1;
		assert_false(packet_checksum_is_right(ip, len));
	}
}

/* Ends of options that say they are longer than they are. */
static void a_broken_option_is_none(void **state)
{
	static const uint8_t options[][4] = { { 2, 4, 5 }, { 2, 0, 1, 1 }, { 1, 1, 1, 2 },
		{ 1, 2, 3, 0 }, { 3, 255, 0, 0 }, { 0, 2, 4, 5 } };
	const struct packet_tcp tcp = { .flags = PACKET_SYN, .mss = 1 };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		uint8_t ip[PACKET_IP4 + PACKET_TCP + 4];
		size_t len = packet_put_tcp(ip, &ends[0], &tcp);

		memcpy(ip + PACKET_IP4 + PACKET_TCP, options[i], 4);
		assert_int_equal(packet_read_mss(ip, len), i ? 0 : 5 * 256);
	}
}

static void an_unreachable_quotes_what_it_is_about(void **state)
{
	struct frame_lan lan = { .gateway.s_addr = htonl(0x0a580001),
		.gateway6 = { .s6_addr = { 0xfd, [15] = 1 } } };

	for (int i = 0; i < 2; i++) {
		uint8_t frame[100] = { [FRAME_HEAD - 2] = i ? 0x86 : 8,
			[FRAME_HEAD - 1] = i ? 0xdd : 0 },
			out[REFUSE_MAX];
		uint8_t *ip = out + FRAME_HEAD;
		size_t head = packet_put_ip(frame + FRAME_HEAD, &ends[i], IPPROTO_UDP, 20), len;

		len = refuse_unreachable(frame, FRAME_HEAD + head + 20, &lan, out);
		assert_int_equal(len, FRAME_HEAD + head + 8 + head + 8);
		assert_memory_equal(ip + head + 8, frame + FRAME_HEAD, head + 8);
		assert_memory_equal(packet_ends(ip).to, ends[i].from, i ? 16 : 4);
		assert_int_equal(ip[head], i ? 1 : 3);
		assert_int_equal(ip[head + 1], i ? 4 : 3);
		if (i)
			assert_true(packet_checksum_is_right(ip, len - FRAME_HEAD));
		else
			assert_int_equal(frame_checksum(ip + head, len - FRAME_HEAD - head, 0), 0);
	}
}

TEST_MAIN(cmocka_unit_test(what_is_written_is_read_back_and_its_sum_is_right),
	cmocka_unit_test(a_broken_option_is_none),
	cmocka_unit_test(an_unreachable_quotes_what_it_is_about))
