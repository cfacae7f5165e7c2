/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include "fuse/wire.h"

#include <string.h>

/* Requests as the kernel lays them out: opcode at 4, unique at 8, node at 16, body at 40. */
struct raw {
	unsigned char bytes[64];
};

static struct raw request(uint32_t opcode, uint64_t node)
{
	struct raw raw = { { 0 } };
	uint64_t unique = 99;

	memcpy(raw.bytes + 4, &opcode, 4);
	memcpy(raw.bytes + 8, &unique, 8);
	memcpy(raw.bytes + 16, &node, 8);
	return raw;
}

static void a_tmpfile_becomes_a_create(void **state)
{
	struct raw raw = request(51, 5);
	struct wire wire = { 0 };
	uint64_t node;

	(void)state;
	assert_false(wire_look_ahead(&wire, &raw, sizeof(raw), &node));
	assert_int_equal(raw.bytes[4], 35);
}

static void writes_and_truncations_tell_of_set_id_bits(void **state)
{
	struct raw write = request(16, 5), setattr = request(4, 6);
	struct wire wire = { 0 };
	uint64_t node;

	(void)state;
	assert_false(wire_look_ahead(&wire, &write, sizeof(write), &node));
	write.bytes[40 + 20] = 4;
	assert_true(wire_look_ahead(&wire, &write, sizeof(write), &node));
	assert_int_equal(node, 5);
	assert_false(wire_look_ahead(&wire, &setattr, sizeof(setattr), &node));
	setattr.bytes[41] = 8;
	assert_true(wire_look_ahead(&wire, &setattr, sizeof(setattr), &node));
	assert_int_equal(node, 6);
	assert_false(wire_look_ahead(&wire, &setattr, 39, &node)); /* too short to be one */
}

static void the_reply_to_init_accepts_only_what_was_offered(void **state)
{
	struct raw init = request(26, 0);
	uint32_t offered = (1U << 28) | 1, reply[4] = { 16, 0, 99, 0 }, body[16] = { 7, 38, 0, 2 };
	struct iovec iov[2] = { { reply, sizeof(reply) }, { body, sizeof(body) } };
	struct wire wire = { 0 };
	uint64_t node;

	(void)state;
	wire_amend_reply(&wire, iov, 2);
	assert_int_equal(body[3], 2);
	assert_false(wire_look_ahead(&wire, &init, sizeof(init), &node));
	wire_amend_reply(&wire, iov, 2);
	assert_int_equal(body[3], 2);
	memcpy(init.bytes + 52, &offered, 4);
	assert_false(wire_look_ahead(&wire, &init, sizeof(init), &node));
	wire_amend_reply(&wire, iov, 2);
	assert_int_equal(body[3], (1U << 28) | 2);
	body[3] = 2;
	wire_amend_reply(&wire, iov, 2); /* once only */
	assert_int_equal(body[3], 2);
}

TEST_MAIN(cmocka_unit_test(a_tmpfile_becomes_a_create),
	cmocka_unit_test(writes_and_truncations_tell_of_set_id_bits),
	cmocka_unit_test(the_reply_to_init_accepts_only_what_was_offered))
