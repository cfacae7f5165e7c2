/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int parse_text(const char *text, struct strv *ret, struct err *err)
{
	autofree char *copy = xstrdup(text);

	return parse_env_text(copy, ret, err);
}

static void values_are_taken_byte_for_byte(void **state)
{
	struct strv env = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(parse_env("A='1 2'", &env, &err), 0);
	assert_int_equal(parse_env("B=", &env, &err), 0);
	assert_int_equal(parse_env("C=x=y", &env, &err), 0);
	assert_int_equal(parse_env("D=\xe5\xaf\x86\n\t", &env, &err), 0);
	assert_string_equal(strv_env_get(&env, "A"), "'1 2'");
	assert_string_equal(strv_env_get(&env, "B"), "");
	assert_string_equal(strv_env_get(&env, "C"), "x=y");
	assert_string_equal(strv_env_get(&env, "D"), "\xe5\xaf\x86\n\t");
	strv_done(&env);
}

static void a_nameless_variable_is_refused(void **state)
{
	struct strv env = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(parse_env("", &env, &err), -EINVAL);
	assert_int_equal(parse_env("=x", &env, &err), -EINVAL);
	assert_string_equal(err.text, "invalid environment variable: =x");
	assert_int_equal(env.n, 0);
}

static void files_have_comments_blank_lines_and_crlf(void **state)
{
	struct strv env = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(setenv("SBX_TEST_HOST", "h", 1), 0);
	assert_int_equal(unsetenv("SBX_TEST_NONE"), 0);
	assert_int_equal(
		parse_text("\xef\xbb\xbf# comment\n\n  A=1 # not a comment\r\n\tB=\"quoted\"\n"
			   "SBX_TEST_HOST\nSBX_TEST_NONE\nA=2",
			&env, &err),
		0);
	assert_int_equal(env.n, 4);
	env_squash(&env);
	assert_int_equal(env.n, 3);
	assert_string_equal(env.v[0], "A=2");
	assert_string_equal(env.v[1], "B=\"quoted\"");
	assert_string_equal(env.v[2], "SBX_TEST_HOST=h");
	strv_done(&env);
}

static void squashing_keeps_the_last_value_in_the_first_place(void **state)
{
	static const char *const before[] = { "B=1", "A=1", "AB=1", "A=2", "B=", "A=3", "C", "A" };
	static const char *const after[] = { "B=", "A", "AB=1", "C" };
	struct strv env = STRV_INIT, none = STRV_INIT;

	env_squash(&none);
	assert_int_equal(none.n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(before); i++)
		strv_add(&env, before[i]);
	env_squash(&env);
	assert_int_equal(env.n, ARRAY_SIZE(after));
	for (size_t i = 0; i < ARRAY_SIZE(after); i++)
		assert_string_equal(env.v[i], after[i]);
	assert_null(env.v[env.n]);
	strv_done(&env);
}

static void a_name_that_the_caller_lacks_unsets(void **state)
{
	struct strv env = STRV_INIT, asked = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(unsetenv("SBX_TEST_NONE"), 0);
	assert_int_equal(parse_env("SBX_TEST_NONE", &asked, &err), 0);
	assert_int_equal(parse_env("B=2", &asked, &err), 0);
	strv_add(&env, "SBX_TEST_NONE=image");
	strv_add(&env, "B=1");
	env_override(&env, &asked);
	assert_int_equal(env.n, 1);
	assert_string_equal(env.v[0], "B=2");
	assert_null(env.v[1]);
	strv_done(&env);
	strv_done(&asked);
}

/* threats S12 */
static void a_hundred_thousand_variables_take_no_time(void **state)
{
	struct strv env = STRV_INIT;

	for (int i = 0; i < 200000; i++)
		strv_addf(&env, "V%d=%d", i % 100000, i);
	env_squash(&env);
	assert_int_equal(env.n, 100000);
	assert_string_equal(env.v[7], "V7=100007");
	strv_done(&env);
}

static void bad_lines_are_named_by_number(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "A=1\nB C=2\n", "line 2: variable 'B C' contains whitespaces" },
		{ "A=1\n\n=2\n", "line 3: no variable name on line '=2'" },
		{ "A=\xff\n", "line 1 contains invalid UTF-8" },
		{ "A=\xc0\xaf", "line 1 contains invalid UTF-8" },
		{ "A=\xed\xa0\x80", "line 1 contains invalid UTF-8" },
		{ "A=\xe2\x82", "line 1 contains invalid UTF-8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct strv env = STRV_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(parse_text(bad[i].text, &env, &err), -EINVAL);
		if (!strstr(err.text, bad[i].message))
			fail_msg("%s", err.text);
		strv_done(&env);
	}
}

static void files_are_read_and_missing_ones_named(void **state)
{
	struct scratch *dir = *state;
	autofree char *path = xasprintf("%s/env", dir->path);
	struct strv env = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(parse_env_file(path, &env, &err), -ENOENT);
	assert_non_null(strstr(err.text, path));
	scratch_write(dir, "env", "A=1\nB=2\n");
	assert_int_equal(parse_env_file(path, &env, &err), 0);
	assert_int_equal(env.n, 2);
	strv_done(&env);
	scratch_write(dir, "env", "A B=1\n");
	assert_int_equal(parse_env_file(path, &env, &err), -EINVAL);
	assert_non_null(strstr(err.text, "poorly formatted environment in"));
}

static void pipes_can_be_read(void **state)
{
	autofree char *path = NULL;
	struct strv env = STRV_INIT;
	struct err err = ERR_INIT;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "A=1\n", 4), 4);
	close(ends[1]);
	path = xasprintf("/proc/self/fd/%d", ends[0]);
	assert_int_equal(parse_env_file(path, &env, &err), 0);
	assert_string_equal(env.v[0], "A=1");
	strv_done(&env);
	close(ends[0]);
}

TEST_MAIN(cmocka_unit_test(values_are_taken_byte_for_byte),
	cmocka_unit_test(a_nameless_variable_is_refused),
	cmocka_unit_test(files_have_comments_blank_lines_and_crlf),
	cmocka_unit_test(squashing_keeps_the_last_value_in_the_first_place),
	cmocka_unit_test(a_name_that_the_caller_lacks_unsets),
	cmocka_unit_test(a_hundred_thousand_variables_take_no_time),
	cmocka_unit_test(bad_lines_are_named_by_number),
	cmocka_unit_test_setup_teardown(
		files_are_read_and_missing_ones_named, harness_scratch, harness_scratch_done),
	cmocka_unit_test(pipes_can_be_read))
