/* SPDX-License-Identifier: Apache-2.0 */
#include "process/health.h"

#include "harness.h"

static const struct health_spec spec = {
	.interval_ms = 30000, .start_period_ms = 5000, .start_interval_ms = 100, .retries = 2
};

static void so_many_failures_in_a_row_are_unhealthy(void **state)
{
	struct health_state s = { HEALTH_STARTING, 0 };

	(void)state;
	health_judge(&s, &spec, false, false);
	assert_int_equal(s.status, HEALTH_STARTING);
	health_judge(&s, &spec, true, false);
	assert_int_equal(s.status, HEALTH_HEALTHY);
	health_judge(&s, &spec, false, false);
	assert_int_equal(s.status, HEALTH_HEALTHY);
	assert_int_equal(s.streak, 1);
	health_judge(&s, &spec, false, false);
	assert_int_equal(s.status, HEALTH_UNHEALTHY);
	health_judge(&s, &spec, true, false);
	assert_int_equal(s.status, HEALTH_HEALTHY);
	assert_int_equal(s.streak, 0);
}

static void failures_count_once_it_was_healthy_or_the_period_is_over(void **state)
{
	struct health_state s = { HEALTH_STARTING, 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		health_judge(&s, &spec, false, true);
	assert_int_equal(s.status, HEALTH_STARTING);
	assert_int_equal(s.streak, 0);
	health_judge(&s, &spec, true, true);
	health_judge(&s, &spec, false, true);
	health_judge(&s, &spec, false, true);
	assert_int_equal(s.status, HEALTH_UNHEALTHY);
}

static void probes_are_closer_while_it_starts(void **state)
{
	(void)state;
	assert_int_equal(health_next_ms(&spec, HEALTH_STARTING, 0), 100);
	assert_int_equal(health_next_ms(&spec, HEALTH_STARTING, 6000), 30000);
	assert_int_equal(health_next_ms(&spec, HEALTH_HEALTHY, 0), 30000);
}

TEST_MAIN(cmocka_unit_test(so_many_failures_in_a_row_are_unhealthy),
	cmocka_unit_test(failures_count_once_it_was_healthy_or_the_period_is_over),
	cmocka_unit_test(probes_are_closer_while_it_starts))
