/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static void pieces_are_joined_and_terminated(void **state)
{
	autobuf struct buf buf = BUF_INIT;

	(void)state;
	buf_add(&buf, "a\0b", 3);
	buf_adds(&buf, "cd");
	buf_addc(&buf, 'e');
	buf_addf(&buf, "-%d-%s", 42, "x");
	assert_int_equal(buf.len, 3 + 2 + 1 + 5);
	assert_memory_equal(buf.data, "a\0bcde-42-x", buf.len + 1);
}

static void large_formats_grow_the_buffer(void **state)
{
	autobuf struct buf buf = BUF_INIT;

	(void)state;
	for (int i = 0; i < 100; i++)
		buf_addf(&buf, "%01000d", i);
	assert_int_equal(buf.len, 100000);
	assert_int_equal(buf.data[buf.len], '\0');
	assert_memory_equal(buf.data + buf.len - 3, "099", 3);
}

static void reset_keeps_memory_and_drops_content(void **state)
{
	autobuf struct buf buf = BUF_INIT;
	size_t cap;

	(void)state;
	buf_adds(&buf, "hello");
	cap = buf.cap;
	buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.cap, cap);
	buf_adds(&buf, "x");
	assert_string_equal(buf.data, "x");
}

static void stealing_gives_a_string_even_when_empty(void **state)
{
	struct buf buf = BUF_INIT;
	char *text = buf_steal(&buf);

	(void)state;
	assert_non_null(text);
	assert_string_equal(text, "");
	free(text);
	buf_adds(&buf, "mine");
	text = buf_steal(&buf);
	assert_string_equal(text, "mine");
	assert_int_equal(buf.len, 0);
	free(text);
	buf_done(&buf);
	buf_done(&buf); /* twice is fine */
}

static void reserved_room_is_really_there(void **state)
{
	autobuf struct buf buf = BUF_INIT;

	(void)state;
	buf_adds(&buf, "ab");
	buf_reserve(&buf, 10000);
	assert_true(buf.cap >= buf.len + 10000 + 1);
	memset(buf.data + buf.len, 'z', 10000);
	assert_memory_equal(buf.data, "abz", 3);
}

TEST_MAIN(cmocka_unit_test(pieces_are_joined_and_terminated),
	cmocka_unit_test(large_formats_grow_the_buffer),
	cmocka_unit_test(reset_keeps_memory_and_drops_content),
	cmocka_unit_test(stealing_gives_a_string_even_when_empty),
	cmocka_unit_test(reserved_room_is_really_there))
