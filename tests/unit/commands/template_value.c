/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <string.h>

#include "base/own.h"
#include "commands/output.h"
#include "commands/template_value.h"

static void foreign_text_cannot_drive_the_terminal(void **state)
{
	static const struct {
		const char *text, *escaped, *quoted;
	} cases[] = {
		{ "plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xb3",
			"plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xb3",
			"\"plain \xc3\xbc \xe2\x82\xac \xf0\x9f\x90\xb3\"" },
		{ "\x1b[2J", "\\x1b[2J", "\"\\x1b[2J\"" },
		{ "a\nb\tc\r", "a\\x0ab\\x09c\\x0d", "\"a\\nb\\tc\\r\"" },
		{ "\x7f", "\\x7f", "\"\\x7f\"" },
		{ "\xc2\x9b"
		  "31m",
			"\\u009b31m", "\"\\u009b31m\"" },
		{ "\xe2\x80\xae"
		  "gpj",
			"\\u202egpj", "\"\\u202egpj\"" },
		{ "\xff\xc0\xaf", "\\xff\\xc0\\xaf", "\"\\xff\\xc0\\xaf\"" },
		{ "say \"hi\" \\", "say \"hi\" \\", "\"say \\\"hi\\\" \\\\\"" },
		{ "cut \xe2\x82", "cut \\xe2\\x82", "\"cut \\xe2\\x82\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autobuf struct buf escaped = BUF_INIT, quoted = BUF_INIT;

		out_escape(cases[i].text, &escaped);
		value_quote(cases[i].text, &quoted);
		assert_string_equal(escaped.data, cases[i].escaped);
		assert_string_equal(quoted.data, cases[i].quoted);
	}
}

TEST_MAIN(cmocka_unit_test(foreign_text_cannot_drive_the_terminal))
