/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/ignore.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "harness.h"

static struct ignore *from(const char *text)
{
	autostrv struct strv patterns = STRV_INIT;
	struct ignore *ignore = NULL;
	struct err err = ERR_INIT;

	ignore_read(text, strlen(text), &patterns);
	assert_int_equal(ignore_new(&patterns, &ignore, &err), 0);
	return ignore;
}

static void says(const char *text, const char *path, bool ignored)
{
	autoignore struct ignore *ignore = from(text);

	if (ignore_match(ignore, path) != ignored)
		print_error("'%s' and '%s'\n", text, path);
	assert_int_equal(ignore_match(ignore, path), ignored);
}

static void lines_are_cleaned(void **state)
{
	static const char text[] = "\xef\xbb\xbf# note\n /a//b/ \r\n\n!  /c/./d\n #x\n/\n";
	autostrv struct strv patterns = STRV_INIT;

	ignore_read(text, strlen(text), &patterns);
	assert_int_equal(patterns.n, 4);
	assert_string_equal(patterns.v[0], "a/b");
	assert_string_equal(patterns.v[1], "!c/d");
	assert_string_equal(patterns.v[2], "#x"); /* a comment begins in the first column */
	assert_string_equal(patterns.v[3], "/");
}

static void what_lies_below_a_match_goes_with_it(void **state)
{
	says("node_modules\n", "node_modules/a/b.js", true);
	says("node_modules\n", "src/node_modules/a", false);
	says("**/node_modules\n", "src/node_modules/a", true);
	says("*.o\n", "a.o", true);
	says("*.o\n", "d/a.o", false);
	says("**/*.o\n", "a.o", true);
	says("d/**\n", "d", false);
	says("d/**\n", "d/x/y", true);
	says(".\n", "a", false);
	says("*\n", ".", false);
	says("a?c\n", "a/c", false);
	says("[a-c]x\n", "bx", true);
	says("[^a-c]x\n", "bx", false);
	says("a\\*b\n", "a*b", true);
	says("a.b+(c)\n", "a.b+(c)", true);
	says("**x\n", "dir/ax", true);
	says("文件/*\n", "文件/一", true);
}

static void the_last_match_wins(void **state)
{
	says("*\n!keep\n", "keep/me", false);
	says("*\n!keep\nkeep/me\n", "keep/me", true);
	says("!keep\n*\n", "keep", true);
	says("docs\n!docs/README.md\n", "docs/README.md", false);
	says("docs\n!docs/README.md\n", "docs/other", true);
}

static void directories_are_skipped_only_when_nothing_is_taken_back(void **state)
{
	autoignore struct ignore *ignore = from("*\n!src/lib/*.c\n!pre**\n");
	autoignore struct ignore *all = from("big\n");

	assert_true(ignore_may_hold(ignore, "src"));
	assert_true(ignore_may_hold(ignore, "src/lib"));
	assert_false(ignore_may_hold(ignore, "src/other"));
	assert_false(ignore_may_hold(ignore, "docs"));
	assert_true(ignore_may_hold(ignore, "prefix"));
	assert_false(ignore_may_hold(all, "big"));
}

static void bad_patterns_are_named(void **state)
{
	static const char *const bad[] = { "[", "a[", "[]a]", "[-x]", "[x-]", "[a-b-c]", "x\\",
		"!" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autostrv struct strv patterns = STRV_INIT;
		struct ignore *ignore;
		struct err err = ERR_INIT;

		strv_add(&patterns, bad[i]);
		assert_int_equal(ignore_new(&patterns, &ignore, &err), -EINVAL);
		assert_non_null(strstr(err.text, bad[i]));
	}
}

static void stars_without_number_take_no_time(void **state)
{
	autobuf struct buf text = BUF_INIT, path = BUF_INIT;
	autoignore struct ignore *ignore = NULL;

	for (int i = 0; i < 50; i++)
		buf_adds(&text, "**/a*/");
	buf_adds(&text, "z\n");
	for (int i = 0; i < 500; i++)
		buf_adds(&path, "aaaaa/");
	buf_adds(&path, "y");
	ignore = from(text.data);
	assert_false(ignore_match(ignore, path.data));
}

TEST_MAIN(cmocka_unit_test(lines_are_cleaned),
	cmocka_unit_test(what_lies_below_a_match_goes_with_it),
	cmocka_unit_test(the_last_match_wins),
	cmocka_unit_test(directories_are_skipped_only_when_nothing_is_taken_back),
	cmocka_unit_test(bad_patterns_are_named),
	cmocka_unit_test(stars_without_number_take_no_time))
