/* SPDX-License-Identifier: Apache-2.0 */
#include "run_refused.h"

static void durations_and_retries_are_kept(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_opts_parse(6,
				 ARGV("run", "--health-cmd=a b", "--health-interval=1m30s",
					 "--health-timeout=5ms", "--health-retries=7", "image"),
				 &o, &err),
		0);
	assert_string_equal(o.health.cmd, "a b");
	assert_true(o.health.interval == 90000000000 && o.health.timeout == 5000000);
	assert_int_equal(o.health.retries, 7);
	assert_int_equal(o.health.start_period, 0);
	run_opts_done(&o);
}

static void refused(const char *option, const char *says)
{
	refused_with("--no-healthcheck", option, says);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused("--health-interval=1us", "cannot be less than 1ms");
	refused("--health-timeout=-1s", "cannot be less than 1ms");
	refused("--health-start-period=x", "invalid duration");
	refused("--health-retries=-1", "cannot be negative");
	refused("--health-start-interval=1s", "--no-healthcheck conflicts with --health-* options");
}

TEST_MAIN(cmocka_unit_test(durations_and_retries_are_kept), cmocka_unit_test(nonsense_is_refused))
