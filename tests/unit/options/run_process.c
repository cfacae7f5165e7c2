/* SPDX-License-Identifier: Apache-2.0 */
#include "run_refused.h"

#include <stdlib.h>

static void streams_are_chosen_in_any_case(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		run_opts_parse(5, ARGV("run", "-a", "StdErr", "--attach=stdin", "image"), &o, &err),
		0);
	assert_true(o.attach_given && o.attach[0] && !o.attach[1] && o.attach[2]);
	run_opts_done(&o);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused_with("--attach=", "-q", "valid streams");
	refused_with("--attach=std", "-q", "valid streams");
	refused_with("--attach=stdoutx", "-q", "valid streams");
	refused_with("--attach=stdout", "-d", "cannot specify both");
	refused_with("--umask=8", "-q", "invalid umask");
	refused_with("--umask=1777", "-q", "invalid umask");
	refused_with("--umask=", "-q", "invalid umask");
	refused_with("--tz=/etc/passwd", "-q", "invalid time zone");
	refused_with("--tz=a/../b", "-q", "invalid time zone");
	refused_with("--tz=", "-q", "invalid time zone");
	refused_with("--tz=No/Where", "-q", "finding time zone No/Where");
	refused_with("--preserve-fds=-1", "-q", "from 0 to");
	refused_with("--preserve-fds=5000", "-q", "from 0 to");
	refused_with("--preserve-fds=1", "--restart=always", "second start");
}

static void proxies_are_below_what_is_given(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://p", 1), 0);
	assert_int_equal(setenv("no_proxy", "host", 1), 0);
	assert_int_equal(
		run_opts_parse(
			5, ARGV("run", "--http-proxy", "-e", "no_proxy=mine", "image"), &o, &err),
		0);
	assert_string_equal(strv_env_get(&o.env, "http_proxy"), "http://p");
	assert_string_equal(strv_env_get(&o.env, "no_proxy"), "mine");
	run_opts_done(&o);
	assert_int_equal(run_opts_parse(2, ARGV("run", "image"), &o, &err), 0);
	assert_null(strv_env_get(&o.env, "http_proxy"));
	run_opts_done(&o);
}

TEST_MAIN(cmocka_unit_test(streams_are_chosen_in_any_case), cmocka_unit_test(nonsense_is_refused),
	cmocka_unit_test(proxies_are_below_what_is_given))
