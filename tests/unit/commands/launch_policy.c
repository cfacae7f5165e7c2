/* SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "commands/launch.h"

#define SECOND 1000000000LL

/* Ends a container that has been up for so long; returns the wait before its next start, 0: there is none. */
static int64_t ended(struct launch *launch, int64_t up_ns, int status)
{
	launch->container.pid = 4711;
	launch->container.started = state_now() - up_ns;
	launch_end(launch, status);
	return launch->comeback.due ? launch->comeback.delay_ms : 0;
}

static struct launch made(const char *config)
{
	struct launch launch = LAUNCH_INIT;

	launch.container.config = sample_json(config);
	launch.container.run_path = xstrdup("/nonexistent");
	return launch;
}

static void the_wait_doubles_up_to_a_minute(void **state)
{
	struct launch launch = made("{\"restart\":\"always\"}");
	int64_t want = 100;

	(void)state;
	for (int i = 0; i < 12; i++) {
		assert_int_equal(ended(&launch, SECOND / 10, 1), want);
		assert_int_equal(launch.container.status, STATUS_RESTARTING);
		want = 2 * want > 60000 ? 60000 : 2 * want;
	}
	container_done(&launch.container);
}

static void it_begins_anew_after_ten_seconds_up(void **state)
{
	struct launch launch = made("{\"restart\":\"always\"}");

	(void)state;
	for (int i = 0; i < 5; i++)
		(void)ended(&launch, SECOND, 1);
	assert_int_equal(ended(&launch, 9 * SECOND, 1), 3200);
	assert_int_equal(ended(&launch, 11 * SECOND, 1), 100);
	assert_int_equal(ended(&launch, SECOND, 1), 200);
	container_done(&launch.container);
}

static void policies_say_whether_there_is_a_next_time(void **state)
{
	static const struct {
		const char *config;
		int status;
		bool again;
	} cases[] = {
		{ "{\"restart\":\"no\"}", 1, false },
		{ "{}", 1, false },
		{ "{\"restart\":\"always\"}", 0, true },
		{ "{\"restart\":\"unless-stopped\"}", 137, true },
		{ "{\"restart\":\"on-failure\"}", 0, false },
		{ "{\"restart\":\"on-failure\"}", 2, true },
		{ "{\"restart\":\"on-failure\",\"restartMax\":2}", 2, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct launch launch = made(cases[i].config);

		assert_int_equal(ended(&launch, SECOND, cases[i].status) > 0, cases[i].again);
		launch.comeback.count = 2;
		if (strstr(cases[i].config, "restartMax"))
			assert_int_equal(ended(&launch, SECOND, 2), 0);
		container_done(&launch.container);
	}
}

TEST_MAIN(cmocka_unit_test(the_wait_doubles_up_to_a_minute),
	cmocka_unit_test(it_begins_anew_after_ten_seconds_up),
	cmocka_unit_test(policies_say_whether_there_is_a_next_time))
