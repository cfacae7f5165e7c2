/* SPDX-License-Identifier: Apache-2.0 */
#include "options/command.h"

#include "harness.h"

struct target {
	bool flag;
	char *name;
};

static const struct opt table[] = {
	OPT_FLAG('f', "flag-one", struct target, flag, "Do it: a\\b, \"-x\""),
	OPT_STRING(0, "name", struct target, name, "A-B", ".name it"),
	OPT_ALIAS(0, "old", "name"),
	OPT_END,
};

static void dashes_and_backslashes_are_escaped_and_aliases_left_out(void **state)
{
	struct buf out = BUF_INIT;

	man_options(table, &out);
	assert_string_equal(out.data,
		".TP\n\\fB\\-f\\fR, \\fB\\-\\-flag\\-one\\fR\nDo it: a\\eb, \"\\-x\".\n"
		".TP\n\\fB\\-\\-name\\fR \\fIA\\-B\\fR\n\\&.name it.\n");
	buf_done(&out);
}

TEST_MAIN(cmocka_unit_test(dashes_and_backslashes_are_escaped_and_aliases_left_out))
