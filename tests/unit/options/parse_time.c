/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "harness.h"

#define S   1000000000LL
#define NOW (1793700000 * S)

static int in_utc_plus_two(void **state)
{
	if (setenv("TZ", "XXX-2", 1) != 0)
		return -1;
	tzset();
	return 0;
}

static void times_and_durations_are_understood(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {
		{ "0", 0 },
		{ "1136073845", 1136073845 * S },
		{ "1136073845.000000001", 1136073845 * S + 1 },
		{ "1.5", 1500000000 },
		{ "2006-01-02T15:04:05Z", 1136214245 * S },
		{ "2006-01-02T15:04:05z", 1136214245 * S },
		{ "2006-01-02T15:04:05.5Z", 1136214245 * S + S / 2 },
		{ "2006-01-02T15:04:05.999999999Z", 1136214245 * S + S - 1 },
		{ "2006-01-02T15:04:05+02:00", 1136207045 * S },
		{ "2006-01-02T15:04:05-07:30", 1136241245 * S },
		{ "2006-01-02T15:04:05", 1136207045 * S }, /* local: two hours ahead */
		{ "2006-01-02T15:04", 1136207040 * S },
		{ "2006-01-02", 1136152800 * S },
		{ "2006-01-02Z", 1136160000 * S },
		{ "2024-02-29T00:00:00Z", 1709164800 * S },
		{ "1969-12-31T23:59:59Z", -1 * S },
		{ "10m", NOW - 600 * S },
		{ "1h30m", NOW - 5400 * S },
		{ "1.5h", NOW - 5400 * S },
		{ "300ms", NOW - 300000000 },
		{ "1us", NOW - 1000 },
		{ "1\xc2\xb5s", NOW - 1000 },
		{ ".5s", NOW - S / 2 },
		{ "-10s", NOW + 10 * S },
		{ "+10s", NOW - 10 * S },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = ERR_INIT;
		int64_t ns = -1;

		if (parse_time(good[i].text, NOW, &ns, &err) != 0)
			fail_msg("%s: %s", good[i].text, err.text);
		if (ns != good[i].ns)
			fail_msg("%s: %lld, not %lld", good[i].text, (long long)ns,
				(long long)good[i].ns);
	}
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = { "", "x", "10", "10x", "1h30", "m", "s10", "1..5s", "1 h",
		" 1h", "2006-13-02", "2006-00-02", "2006-01-32", "2006-02-29", "1900-02-29",
		"2006-1-2", "2006-01-02T25:00:00Z", "2006-01-02T15:61:00Z",
		"2006-01-02T15:04:05+2:00", "2006-01-02T15:04:05+02:00x", "2006-01-02 15:04:05",
		"99999999999999999999", "9999-01-01T00:00:00Z", "99999999999h",
		"9223372036854775807h" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		int64_t ns = -1;

		if (i != 2 && parse_time(bad[i], NOW, &ns, &err) == 0)
			fail_msg("'%s' was taken as %lld", bad[i], (long long)ns);
		if (parse_duration(bad[i], &ns, &err) == 0)
			fail_msg("'%s' was taken as %lld ns", bad[i], (long long)ns);
	}
}

static void durations_have_both_signs(void **state)
{
	struct err err = ERR_INIT;
	int64_t ns;

	assert_int_equal(parse_duration("0", &ns, &err), 0);
	assert_int_equal(ns, 0);
	assert_int_equal(parse_duration("-1h1m1.001s", &ns, &err), 0);
	assert_int_equal(ns, -(3661 * S + 1000000));
}

TEST_MAIN(
	cmocka_unit_test_setup_teardown(times_and_durations_are_understood, in_utc_plus_two, NULL),
	cmocka_unit_test(everything_else_is_refused), cmocka_unit_test(durations_have_both_signs))
