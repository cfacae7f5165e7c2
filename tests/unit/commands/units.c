/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <string.h>

#include "base/own.h"
#include "commands/output.h"

static void durations_are_worded_as_dockers(void **state)
{
	static const struct {
		int64_t s;
		const char *want;
	} cases[] = {
		{ -5, "Less than a second" },
		{ 0, "Less than a second" },
		{ 1, "1 second" },
		{ 45, "45 seconds" },
		{ 60, "About a minute" },
		{ 119, "About a minute" },
		{ 120, "2 minutes" },
		{ 3599, "59 minutes" },
		{ 3600, "About an hour" },
		{ 5399, "About an hour" },
		{ 5400, "2 hours" },
		{ 47 * 3600, "47 hours" },
		{ 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" },
		{ 14 * 86400, "2 weeks" },
		{ 59 * 86400, "8 weeks" },
		{ 60 * 86400, "2 months" },
		{ 729 * 86400, "24 months" },
		{ 731 * 86400, "2 years" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[UNITS_MAX];

		units_duration(cases[i].s, got);
		assert_string_equal(got, cases[i].want);
	}
}

static void sizes_are_decimal(void **state)
{
	static const struct {
		int64_t bytes;
		int digits;
		const char *want;
	} cases[] = {
		{ 0, 3, "0B" },
		{ 999, 3, "999B" },
		{ 1000, 3, "1kB" },
		{ 1024, 4, "1.024kB" },
		{ 72800000, 3, "72.8MB" },
		{ 4043190, 3, "4.04MB" },
		{ 1234567890123, 4, "1.235TB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[UNITS_MAX];

		units_size(cases[i].bytes, cases[i].digits, got);
		assert_string_equal(got, cases[i].want);
	}
}

TEST_MAIN(cmocka_unit_test(durations_are_worded_as_dockers), cmocka_unit_test(sizes_are_decimal))
