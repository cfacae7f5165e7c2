/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/dhcp.h"

#include <arpa/inet.h>
#include <string.h>

#include "harness.h"
#include "netstack/frame.h"

#define BOOTP   (FRAME_HEAD + 28)
#define OPTIONS (BOOTP + 240)

struct question {
	uint8_t frame[DHCP_ROOM];
	size_t len;
};

static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };

static struct dhcp_lease lease_of(void)
{
	struct dhcp_lease lease = { .mtu = 1500 };

	assert_int_equal(inet_pton(AF_INET, "10.0.2.15", &lease.address), 1);
	assert_int_equal(inet_pton(AF_INET, "255.255.255.0", &lease.mask), 1);
	assert_int_equal(inet_pton(AF_INET, "10.0.2.2", &lease.router), 1);
	assert_int_equal(inet_pton(AF_INET, "10.0.2.3", &lease.resolver), 1);
	return lease;
}

/* From 0.0.0.0 to everybody, with these options and an end. */
static struct question question_of(const uint8_t *options, size_t n)
{
	struct question q = { .len = OPTIONS + n + 1 };
	uint8_t *ip = q.frame + FRAME_HEAD, *udp = ip + 20, *bootp = q.frame + BOOTP;
	size_t total = q.len - FRAME_HEAD;

	memset(q.frame, 0xff, 6);
	memcpy(q.frame + 6, mac, 6);
	q.frame[12] = 8;
	ip[0] = 0x45;
	ip[2] = (uint8_t)(total >> 8);
	ip[3] = (uint8_t)total;
	ip[9] = IPPROTO_UDP;
	memset(ip + 16, 0xff, 4);
	udp[1] = 68;
	udp[3] = 67;
	bootp[0] = bootp[1] = 1;
	bootp[2] = 6;
	memcpy(bootp + 4, "\1\2\3\4", 4);
	memcpy(bootp + 28, mac, 6);
	memcpy(bootp + 236, "\x63\x82\x53\x63", 4);
	memcpy(q.frame + OPTIONS, options, n);
	q.frame[OPTIONS + n] = 255;
	return q;
}

static bool has(const struct question *q, size_t len, const void *option, size_t n)
{
	return memmem(q->frame + OPTIONS, len - OPTIONS, option, n) != NULL;
}

static void a_discovery_is_offered_the_address_with_all_it_needs(void **state)
{
	struct dhcp_lease lease = lease_of();
	struct question q = question_of((const uint8_t[]){ 0, 0, 53, 1, 1, 50, 4, 1, 2, 3, 4 }, 11);
	size_t len = dhcp_answer(&lease, q.frame, q.len);

	assert_in_range(len, 300, DHCP_ROOM);
	assert_int_equal(q.frame[BOOTP], 2);
	assert_memory_equal(q.frame + BOOTP + 4, "\1\2\3\4", 4);
	assert_memory_equal(q.frame + BOOTP + 16, &lease.address, 4);
	assert_memory_equal(q.frame + BOOTP + 28, mac, 6);
	assert_true(has(&q, len, "\65\1\2", 3));
	assert_true(has(&q, len, "\66\4\12\0\2\2", 6));
	assert_true(has(&q, len, "\1\4\377\377\377\0", 6));
	assert_true(has(&q, len, "\3\4\12\0\2\2", 6));
	assert_true(has(&q, len, "\6\4\12\0\2\3", 6));
	assert_true(has(&q, len, "\32\2\5\334", 4));
	assert_int_equal(frame_checksum(q.frame + FRAME_HEAD, 20, 0), 0);
}

static void a_request_is_granted_for_the_address_and_refused_for_others(void **state)
{
	struct dhcp_lease lease = lease_of();
	struct question q = question_of((const uint8_t[]){ 53, 1, 3, 50, 4, 10, 0, 2, 15 }, 9);
	size_t len = dhcp_answer(&lease, q.frame, q.len);

	assert_true(len && has(&q, len, "\65\1\5", 3));
	q = question_of((const uint8_t[]){ 53, 1, 3, 50, 4, 10, 0, 2, 16 }, 9);
	len = dhcp_answer(&lease, q.frame, q.len);
	assert_true(len && has(&q, len, "\65\1\6", 3));
	assert_memory_equal(q.frame + BOOTP + 16, "\0\0\0\0", 4);
	/* renewing, by the address it has */
	q = question_of((const uint8_t[]){ 53, 1, 3 }, 3);
	memcpy(q.frame + BOOTP + 12, &lease.address, 4);
	len = dhcp_answer(&lease, q.frame, q.len);
	assert_true(len && has(&q, len, "\65\1\5", 3));
}

static void what_is_no_question_for_us_has_no_answer(void **state)
{
	struct dhcp_lease lease = lease_of();
	const uint8_t other[] = { 53, 1, 3, 54, 4, 10, 0, 2, 9, 50, 4, 10, 0, 2, 15 };
	const uint8_t damaged[] = { 53, 1, 3, 50, 200, 10 };
	const uint8_t wrong[][3] = { { 53, 1, 2 }, { 53, 1, 4 }, { 53, 1, 7 }, { 53, 2, 1 } };
	struct question q = question_of(other, sizeof(other));

	assert_int_equal(dhcp_answer(&lease, q.frame, q.len), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		q = question_of(wrong[i], 3);
		assert_int_equal(dhcp_answer(&lease, q.frame, q.len), 0);
	}
	q = question_of(damaged, sizeof(damaged)); /* nothing wanted that can be read */
	assert_memory_equal(q.frame + BOOTP, "\1\1\6", 3);
	assert_true(dhcp_answer(&lease, q.frame, q.len) > 0);
	q = question_of((const uint8_t[]){ 53, 1, 1 }, 3);
	for (size_t len = 0; len < q.len - 1; len++) {
		struct question cut = q;

		assert_int_equal(dhcp_answer(&lease, cut.frame, len), 0);
	}
	q.frame[FRAME_HEAD + 6] = 0x20; /* a fragment */
	assert_int_equal(dhcp_answer(&lease, q.frame, q.len), 0);
}

TEST_MAIN(cmocka_unit_test(a_discovery_is_offered_the_address_with_all_it_needs),
	cmocka_unit_test(a_request_is_granted_for_the_address_and_refused_for_others),
	cmocka_unit_test(what_is_no_question_for_us_has_no_answer))
