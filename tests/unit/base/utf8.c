/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <string.h>

#include "harness.h"

static void well_formed_sequences_have_their_length(void **state)
{
	static const struct {
		const char *text;
		size_t n;
	} cases[] = {
		{ "a", 1 },
		{ "", 1 }, /* NUL is a character like others; strings end before it */
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xee\x80\x80", 3 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(utf8_length(cases[i].text, SIZE_MAX), cases[i].n);
}

static void everything_else_has_none(void **state)
{
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x",
		"\xe0\x9f\xbf", "\xed\xa0\x80", "\xe1\x80", "\xe1\x80x", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf1\x80\x80", "\xff" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(utf8_length(bad[i], SIZE_MAX), 0);
}

static void a_sequence_that_is_cut_off_is_none(void **state)
{
	assert_int_equal(utf8_length("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_length("\xe2\x82\xac", 2), 0);
	assert_int_equal(utf8_length("a", 0), 0);
}

TEST_MAIN(cmocka_unit_test(well_formed_sequences_have_their_length),
	cmocka_unit_test(everything_else_has_none),
	cmocka_unit_test(a_sequence_that_is_cut_off_is_none))
