/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/share.h"

#include <netinet/in.h>
#include <string.h>

#include "harness.h"
#include "netstack/frame.h"

#define LEN (FRAME_HEAD + 40)

static struct share full;

static int setup(void **state)
{
	memset(&full, 0, sizeof(full));
	full.n = SHARE_MAX;
	return 0;
}

/* The flags are TCP's. */
static const uint8_t *make(uint8_t proto, uint16_t port, uint8_t flags)
{
	static uint8_t frame[LEN];

	memset(frame, 0, sizeof(frame));
	frame[12] = 8;
	frame[FRAME_HEAD] = 0x45;
	frame[FRAME_HEAD + 9] = proto;
	frame[FRAME_HEAD + 20] = (uint8_t)(port >> 8);
	frame[FRAME_HEAD + 21] = (uint8_t)port;
	if (proto == IPPROTO_TCP)
		frame[FRAME_HEAD + 33] = flags;
	return frame;
}

static void whoever_has_room_opens_what_he_likes(void **state)
{
	full.n = SHARE_MAX - 1;
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
	assert_true(share_admits(&full, make(IPPROTO_UDP, 1, 0), LEN));
	assert_true(share_admits(&full, make(IPPROTO_ICMP, 0, 0), LEN));
}

static void at_the_limit_nothing_new_is_opened_and_what_is_open_goes_on(void **state)
{
	share_tag tag;

	full.n--;
	tag = share_opened(&full, make(IPPROTO_UDP, 5353, 0), LEN);
	assert_false(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 0x12), LEN));
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 0x10), LEN));
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 1), LEN));
	assert_true(share_admits(&full, make(IPPROTO_UDP, 5353, 0), LEN));
	assert_false(share_admits(&full, make(IPPROTO_UDP, 5354, 0), LEN));
	assert_false(share_admits(&full, make(IPPROTO_ICMP, 0, 0), LEN));
	share_closed(&full, tag);
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
	full.n = SHARE_MAX;
	assert_false(share_admits(&full, make(IPPROTO_UDP, 5353, 0), LEN));
}

static void tcp_has_a_limit_of_its_own(void **state)
{
	share_tag tag = 0;

	memset(&full, 0, sizeof(full));
	for (int i = 0; i < SHARE_TCP_MAX; i++) {
		assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
		tag = share_opened(&full, make(IPPROTO_TCP, 1, 2), LEN);
	}
	assert_false(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 0x10), LEN));
	assert_true(share_admits(&full, make(IPPROTO_UDP, 1, 0), LEN));
	assert_true(share_admits(&full, make(IPPROTO_ICMP, 0, 0), LEN));
	share_closed(&full, share_opened(&full, make(IPPROTO_UDP, 1, 0), LEN));
	assert_false(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
	share_closed(&full, tag);
	assert_true(share_admits(&full, make(IPPROTO_TCP, 1, 2), LEN));
	assert_int_equal(full.n, SHARE_TCP_MAX - 1);
}

static void neighbour_questions_always_pass(void **state)
{
	uint8_t arp[60] = { [12] = 8, 6 };

	assert_true(share_admits(&full, arp, sizeof(arp)));
}

#define CASE(test) cmocka_unit_test_setup(test, setup)
TEST_MAIN(CASE(whoever_has_room_opens_what_he_likes),
	CASE(at_the_limit_nothing_new_is_opened_and_what_is_open_goes_on),
	CASE(tcp_has_a_limit_of_its_own), CASE(neighbour_questions_always_pass))
