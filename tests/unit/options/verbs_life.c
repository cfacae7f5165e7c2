/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

#define ARGV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static void attach_forwards_signals_unless_told_not_to(void **state)
{
	struct attach_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(attach_opts_parse(2, ARGV("attach", "c1"), &o, &err), 0);
	assert_true(o.sig_proxy && !o.no_stdin && !o.detach_keys);
	assert_string_equal(o.container, "c1");
	attach_opts_done(&o);
	assert_int_equal(attach_opts_parse(5,
				 ARGV("attach", "--sig-proxy=false", "--no-stdin", "--detach-keys",
					 "a,b", "c1"),
				 &o, &err),
		0);
	assert_true(!o.sig_proxy && o.no_stdin);
	assert_string_equal(o.detach_keys, "a,b");
	attach_opts_done(&o);
	assert_int_equal(attach_opts_parse(3, ARGV("attach", "c1", "c2"), &o, &err), -EINVAL);
	assert_int_equal(err.exit, 1);
}

static void restart_has_the_options_of_stop(void **state)
{
	struct stop_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(restart_opts_parse(
				 6, ARGV("restart", "-t", "3", "-s", "INT", "c1", "c2"), &o, &err),
		0);
	assert_int_equal(o.timeout, 3);
	assert_string_equal(o.signal, "INT");
	assert_int_equal(o.containers.n, 2);
	stop_opts_done(&o);
	assert_int_equal(restart_opts_parse(1, ARGV("restart"), &o, &err), -EINVAL);
}

static void create_is_run_without_the_callers_terminal(void **state)
{
	static const char *const not_here[] = { "--detach", "-d", "--detach-keys=a",
		"--sig-proxy" };
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(
		create_opts_parse(4, ARGV("create", "-it", "--rm", "i", "-d"), &o, &err), 0);
	assert_true(o.interactive && o.tty && o.remove && !o.detach);
	assert_int_equal(o.command.n, 1);
	for (size_t i = 0; i < ARRAY_SIZE(not_here); i++) {
		struct run_opts none = { 0 };
		struct err why = ERR_INIT;

		assert_int_equal(
			create_opts_parse(2, ARGV("create", not_here[i], "i"), &none, &why),
			-EINVAL);
		assert_int_equal(why.exit, 125);
	}
}

TEST_MAIN(cmocka_unit_test(attach_forwards_signals_unless_told_not_to),
	cmocka_unit_test(restart_has_the_options_of_stop),
	cmocka_unit_test(create_is_run_without_the_callers_terminal))
