/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>

#include "base/own.h"
#include "harness.h"

static void units_are_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "512", 512 },
		{ "512b", 512 },
		{ "512B", 512 },
		{ "1k", 1024 },
		{ "1K", 1024 },
		{ "1kb", 1024 },
		{ "1KiB", 1024 },
		{ "64m", 67108864 },
		{ "1.5g", 1610612736 },
		{ "2 GB", 2147483648 },
		{ "1t", 1099511627776 },
		{ "1p", 1125899906842624 },
		{ "0.5k", 512 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = ERR_INIT;
		int64_t n = -1;

		if (parse_size(good[i].text, &n, &err) != 0)
			fail_msg("%s: %s", good[i].text, err.text);
		assert_int_equal(n, good[i].bytes);
	}
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = { "", "m", "-1", "+1", " 1", "1 ", "1  m", "1x", "1mm",
		"1bk", "1.", "1.m", ".5m", "0x10", "1e3", "1,5g", "inf", "nan",
		"9999999999999999999", "99999999p" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;
		int64_t n = -1;

		if (parse_size(bad[i], &n, &err) >= 0)
			fail_msg("'%s' was taken as %lld", bad[i], (long long)n);
		assert_int_equal(n, -1);
	}
}

TEST_MAIN(cmocka_unit_test(units_are_powers_of_1024), cmocka_unit_test(everything_else_is_refused))
