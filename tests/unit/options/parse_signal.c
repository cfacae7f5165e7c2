/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <signal.h>

#include "base/own.h"
#include "harness.h"

static void names_and_numbers_are_understood(void **state)
{
	static const struct {
		const char *text;
		int number;
	} good[] = {
		{ "TERM", SIGTERM },
		{ "SIGTERM", SIGTERM },
		{ "sigterm", SIGTERM },
		{ "term", SIGTERM },
		{ "15", 15 },
		{ "9", 9 },
		{ "1", 1 },
		{ "64", 64 },
		{ "HUP", SIGHUP },
		{ "WINCH", SIGWINCH },
		{ "SIGRTMIN", 34 },
		{ "RTMIN+3", 37 },
		{ "SIGRTMIN+15", 49 },
		{ "RTMAX", 64 },
		{ "SIGRTMAX-1", 63 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(parse_signal(good[i].text, &err), good[i].number);
	}
}

static void everything_else_is_refused(void **state)
{
	static const char *const bad[] = { "", "0", "65", "-9", "+9", " 9", "9 ", "100", "SIG",
		"SIGSIGTERM", "TERMS", "TER", "RTMIN+31", "RTMIN-1", "RTMAX+1", "RTMIN+",
		"RTMAX-99", "RTMINX" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;

		if (parse_signal(bad[i], &err) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_memory_equal(err.text, "invalid signal: ", 16);
	}
}

TEST_MAIN(cmocka_unit_test(names_and_numbers_are_understood),
	cmocka_unit_test(everything_else_is_refused))
