/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

#define ARGV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

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

static void refused(const char *a, const char *b, const char *says)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_true(run_opts_parse(4, ARGV("run", a, b, "image"), &o, &err) < 0);
	if (!strstr(err.text, says))
		fail_msg("%s: %s", a, err.text);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused("--attach=", "-q", "valid streams");
	refused("--attach=std", "-q", "valid streams");
	refused("--attach=stdoutx", "-q", "valid streams");
	refused("--attach=stdout", "-d", "cannot specify both");
	refused("--umask=8", "-q", "invalid umask");
	refused("--umask=1777", "-q", "invalid umask");
	refused("--umask=", "-q", "invalid umask");
	refused("--tz=/etc/passwd", "-q", "invalid time zone");
	refused("--tz=a/../b", "-q", "invalid time zone");
	refused("--tz=", "-q", "invalid time zone");
	refused("--tz=No/Where", "-q", "finding time zone No/Where");
	refused("--preserve-fds=-1", "-q", "from 0 to");
	refused("--preserve-fds=5000", "-q", "from 0 to");
	refused("--preserve-fds=1", "--restart=always", "second start");
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
