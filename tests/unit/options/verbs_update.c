/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

#define ARGV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static void what_was_given_is_kept_in_long_form(void **state)
{
	struct update_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		update_opts_parse(
			6, ARGV("update", "-m", "64m", "--restart=always", "c1", "c2"), &o, &err),
		0);
	assert_int_equal(o.run.limits.memory, 64 << 20);
	assert_string_equal(o.run.restart, "always");
	assert_string_equal(o.given.v[0], "--memory=64m");
	assert_string_equal(o.given.v[1], "--restart=always");
	assert_int_equal(o.containers.n, 2);
	update_opts_done(&o);
}

static void nothing_to_change_is_an_error(void **state)
{
	struct update_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(update_opts_parse(2, ARGV("update", "c1"), &o, &err), -EINVAL);
	assert_non_null(strstr(err.text, "one or more flags"));
}

TEST_MAIN(cmocka_unit_test(what_was_given_is_kept_in_long_form),
	cmocka_unit_test(nothing_to_change_is_an_error))
