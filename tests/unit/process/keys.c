/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "process/attach.h"
#include "process/keys.h"

/* Types each byte of text by itself; "|" stands for a pause. Returns what came through, "!" where it
 * detached. */
static const char *typed(const char *keys_text, const char *text, char *ret)
{
	unsigned char out[64];
	struct err err = ERR_INIT;
	struct keys keys;
	size_t n = 0, len = 0;

	assert_true(keys_init(&keys, keys_text, &err) >= 0);
	for (; *text; text++) {
		bool detached = false;
		if (*text == '|')
			n = keys_release(&keys, out);
		else
			detached = keys_feed(&keys, (const unsigned char *)text, 1, out, &n);
		memcpy(ret + len, out, n);
		len += n;
		if (detached)
			ret[len++] = '!';
	}
	ret[len] = '\0';
	return ret;
}

static void the_sequence_detaches_and_is_swallowed(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(typed(NULL,
				    "ab\x10\x11"
				    "c",
				    out),
		"ab!c");
	assert_string_equal(typed("a,b,c", "xabcx", out), "x!x");
}

static void a_first_key_alone_passes_with_the_next_one(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(typed(NULL, "\x10", out), "");
	assert_string_equal(typed(NULL, "\x10x", out), "\x10x");
	assert_string_equal(typed(NULL, "\x10\x10\x11", out), "\x10!");
	assert_string_equal(typed(NULL, "\x11\x10", out), "\x11");
}

static void overlapping_beginnings_are_not_lost(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(typed("a,a,b", "aaab", out), "a!");
	assert_string_equal(typed("a,b,a,c", "ababac", out), "ab!");
	assert_string_equal(typed("a,b,a,c", "abax", out), "abax");
	assert_string_equal(typed("a,a,a", "aaxaaa", out), "aax!");
}

static void a_pause_lets_the_first_key_through_and_still_detaches(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(typed(NULL, "\x10|", out), "\x10");
	assert_string_equal(typed(NULL, "\x10|\x11x", out), "\x10!x");
	assert_string_equal(typed(NULL, "\x10||x", out), "\x10x");
	assert_string_equal(typed("a,b,a,c", "ab|abac", out), "ab!");
	assert_string_equal(typed("a,b,a,c", "aba|x", out), "abax");
}

static void an_empty_setting_never_detaches(void **state)
{
	char out[100];

	(void)state;
	assert_string_equal(typed("", "\x10\x11", out), "\x10\x11");
}

static int parse(const char *text, unsigned char *ret)
{
	struct err err = ERR_INIT;

	return client_parse_keys(text, ret, 4, &err);
}

static void key_names_are_dockers(void **state)
{
	unsigned char k[4];

	(void)state;
	assert_int_equal(parse("ctrl-p,ctrl-q", k), 2);
	assert_memory_equal(k, "\x10\x11", 2);
	assert_int_equal(parse("a,CTRL-A,ctrl-@,ctrl-_", k), 4);
	assert_memory_equal(k, "a\x01\x00\x1f", 4);
	assert_int_equal(parse("ctrl-[,ctrl-\\", k), 2);
	assert_memory_equal(k, "\x1b\x1c", 2);
	assert_int_equal(parse("", k), 0);
}

static void bad_key_names_are_refused(void **state)
{
	static const char *const bad[] = { "ab", "ctrl-", "ctrl-pp", "ctrl-1", "a,", ",", ",a",
		"a,,b", "alt-x", "a,b,c,d,e" };
	unsigned char k[4];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (parse(bad[i], k) != -EINVAL)
			fail_msg("accepted '%s'", bad[i]);
}

TEST_MAIN(cmocka_unit_test(the_sequence_detaches_and_is_swallowed),
	cmocka_unit_test(a_first_key_alone_passes_with_the_next_one),
	cmocka_unit_test(overlapping_beginnings_are_not_lost),
	cmocka_unit_test(a_pause_lets_the_first_key_through_and_still_detaches),
	cmocka_unit_test(an_empty_setting_never_detaches), cmocka_unit_test(key_names_are_dockers),
	cmocka_unit_test(bad_key_names_are_refused))
