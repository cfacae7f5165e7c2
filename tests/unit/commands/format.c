/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "commands/output.h"

/* One row and its heading through --format; the result before it is printed. */
static char *render(const char *user, struct err *err)
{
	autojson struct json *row = json_new_map(), *titles = json_new_map();
	autoformat struct format format = { 0 };

	json_put_string(row, "ID", "abc");
	json_put_string(row, "Names", "a\tb\x1b[0m");
	json_put_string(titles, "ID", "CONTAINER ID");
	json_put_string(titles, "Names", "NAMES");
	if (format_init(&format, user, "table {{.ID}}\\t{{.Names}}", "*T", err) < 0 ||
		format_heading(&format, titles, err) < 0 || format_row(&format, row, NULL, err) < 0)
		return NULL;
	return buf_steal(&format.out);
}

static void a_format_is_plain_a_table_or_json(void **state)
{
	static const struct {
		const char *user, *want;
	} cases[] = {
		{ NULL, "CONTAINER ID\tNAMES\nabc\ta\\x09b\\x1b[0m\n" },
		{ "", "CONTAINER ID\tNAMES\nabc\ta\\x09b\\x1b[0m\n" },
		{ "table", "CONTAINER ID\tNAMES\nabc\ta\\x09b\\x1b[0m\n" },
		{ "table {{.ID}}", "CONTAINER ID\nabc\n" },
		{ "table {{upper .ID}}\\t{{json .ID}}",
			"CONTAINER ID\tCONTAINER ID\nABC\t\"abc\"\n" },
		{ "{{.ID}}", "abc\n" },
		{ "{{.ID}}\\tx\\n", "abc\tx\n\n" },
		{ "json", "{\"ID\":\"abc\",\"Names\":\"a\\tb\\u001B[0m\"}\n" },
		{ "plain text", "plain text\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		autofree char *got = render(cases[i].user, &err);

		assert_non_null(got);
		assert_string_equal(got, cases[i].want);
	}
}

static void a_bad_format_is_exit_status_1(void **state)
{
	static const char *const bad[] = { "{{", "{{.Nope}}", "table {{.Nope}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = ERR_INIT;

		assert_null(render(bad[i], &err));
		assert_int_equal(err.code, -EINVAL);
		assert_int_equal(err.exit, 1);
	}
}

TEST_MAIN(cmocka_unit_test(a_format_is_plain_a_table_or_json),
	cmocka_unit_test(a_bad_format_is_exit_status_1))
