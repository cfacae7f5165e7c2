/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "state/state.h"

static void times_are_written_and_read_back(void **state)
{
	static const struct {
		int64_t ns;
		const char *text, *fixed;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000000Z" },
		{ 1, "1970-01-01T00:00:00.000000001Z", "1970-01-01T00:00:00.000000001Z" },
		{ 1500000000, "1970-01-01T00:00:01.5Z", "1970-01-01T00:00:01.500000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z" },
		{ 1709210096120000000, "2024-02-29T12:34:56.12Z",
			"2024-02-29T12:34:56.120000000Z" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[STATE_TIME_MAX];
		int64_t ns = -7;

		state_time_format(cases[i].ns, false, text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(state_time_parse(text, &ns), 0);
		assert_true(ns == cases[i].ns);
		state_time_format(cases[i].ns, true, text);
		assert_string_equal(text, cases[i].fixed);
	}
}

static void zones_count(void **state)
{
	int64_t ns;

	(void)state;
	assert_int_equal(state_time_parse("1970-01-01T02:00:00+02:00", &ns), 0);
	assert_true(ns == 0);
	assert_int_equal(state_time_parse("1969-12-31 19:30:00.25-04:30", &ns), 0);
	assert_true(ns == 250000000);
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = { "", "now", "2024", "2024-01-01", "2024-13-01T00:00:00Z",
		"2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T25:00:00Z",
		"2024-01-01T00:00:00Zx", "2024-01-01T00:00:00+2:00", "2024-00-01T00:00:00Z",
		"9999-01-01T00:00:00Z", "2024-01-01T00:00:00+99:00" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int64_t ns;

		assert_int_equal(state_time_parse(bad[i], &ns), -EINVAL);
	}
}

TEST_MAIN(cmocka_unit_test(times_are_written_and_read_back), cmocka_unit_test(zones_count),
	cmocka_unit_test(what_is_no_time_is_refused))
