/* SPDX-License-Identifier: Apache-2.0 */
#include "process/systemd.h"

#include <string.h>

#include "harness.h"

static uint32_t u32(const struct buf *b, size_t at)
{
	const unsigned char *p = (const unsigned char *)b->data + at;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* Where the bytes are, from the start of the message. */
static size_t find(const struct buf *b, const char *text, size_t len)
{
	const char *hit = memmem(b->data, b->len, text, len);

	assert_non_null(hit);
	return (size_t)(hit - b->data);
}

/* D-Bus specification, "Message Format". */
static void the_call_is_framed_as_d_bus_wants_it(void **state)
{
	struct buf b = BUF_INIT;
	size_t fields, at;

	(void)state;
	systemd_scope_message("sbx-0123456789ab-7.scope", (const pid_t[]){ 4711, 4712 }, &b);
	assert_memory_equal(b.data, "l\1\0\1", 4);
	assert_int_equal(u32(&b, 8), 1);
	fields = 16 + u32(&b, 12);
	assert_int_equal((fields + 7) / 8 * 8 + u32(&b, 4), b.len);
	assert_int_equal(find(&b, "\1\1o", 3), 16);
	at = find(&b, "\10\1g\0\20ssa(sv)a(sa(sv))", 22);
	assert_int_equal(at % 8, 0);
	at = (fields + 7) / 8 * 8;
	assert_int_equal(u32(&b, at), strlen("sbx-0123456789ab-7.scope"));
	assert_string_equal(b.data + at + 4, "sbx-0123456789ab-7.scope");
	at = find(&b, "PIDs", 5);
	assert_int_equal((at - 4) % 8, 0);
	assert_memory_equal(b.data + at + 5, "\2au", 4);
	at = (at + 9 + 3) / 4 * 4;
	assert_int_equal(u32(&b, at), 8);
	assert_int_equal(u32(&b, at + 4), 4711);
	assert_int_equal(u32(&b, at + 8), 4712);
	buf_done(&b);
}

TEST_MAIN(cmocka_unit_test(the_call_is_framed_as_d_bus_wants_it))
