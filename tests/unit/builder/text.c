/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/text.h"

#include <string.h>

#include "base/own.h"
#include "harness.h"

static void paths_are_cleaned_as_text(void **state)
{
	static const char *const cases[][2] = { { "", "." }, { "/", "/" }, { "a//b/", "a/b" },
		{ "./a/./b", "a/b" }, { "a/../b", "b" }, { "../a", "../a" }, { "/../a", "/a" },
		{ "a/../..", ".." }, { "../../a/..", "../.." }, { "/a/../../b", "/b" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *got = text_clean_path(cases[i][0]);

		assert_string_equal(got, cases[i][1]);
	}
}

static void quoting_is_gos(void **state)
{
	autobuf struct buf out = BUF_INIT;

	text_quote("a\"\\\n\x01\xff♥\xc0\x80", &out);
	assert_string_equal(out.data, "\"a\\\"\\\\\\n\\x01\\xff♥\\x00\"");
}

static void blanks_are_those_of_unicode(void **state)
{
	struct span s = text_trim("\t \xc2\xa0x y\xe3\x80\x80\r\n", 11);

	assert_int_equal(s.len, 3);
	assert_memory_equal(s.at, "x y", 3);
	assert_int_equal(text_trim(" \t", 2).len, 0);
	assert_true(text_is_letter(0x4e2d) && text_is_letter('z') && !text_is_letter(0x3002));
}

TEST_MAIN(cmocka_unit_test(paths_are_cleaned_as_text), cmocka_unit_test(quoting_is_gos),
	cmocka_unit_test(blanks_are_those_of_unicode))
