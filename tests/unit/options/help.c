/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <string.h>

#include "harness.h"

static void a_command_shows_usage_aliases_and_aligned_options(void **state)
{
	struct buf out = BUF_INIT;

	help_command(command_by_id(CMD_STOP), &out);
	assert_string_equal(out.data,
		"Usage:  sbx stop [OPTIONS] CONTAINER [CONTAINER...]\n"
		"\n"
		"Stop running containers\n"
		"\n"
		"Aliases:\n"
		"  sbx container stop, sbx stop\n"
		"\n"
		"Options:\n"
		"  -s, --signal SIGNAL     Signal that asks the program to end\n"
		"  -t, --timeout SECONDS   Wait so long before killing; -1 for ever\n");
	buf_done(&out);
}

static void a_command_without_options_has_no_such_section(void **state)
{
	struct buf out = BUF_INIT;

	help_command(command_by_id(CMD_RENAME), &out);
	assert_null(strstr(out.data, "Options"));
	buf_done(&out);
}

static void the_program_lists_every_command(void **state)
{
	struct buf out = BUF_INIT;
	const struct command *c;

	help_program(&out);
	for (size_t i = 0; (c = command_at(i)); i++)
		if (c->name)
			assert_non_null(strstr(out.data, c->summary));
	assert_non_null(strstr(out.data, "\nGlobal Options:\n      --config FILE"));
	buf_done(&out);
}

static void lines_fit_a_terminal(void **state)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		struct buf out = BUF_INIT;

		help_command(c, &out);
		for (const char *line = out.data; *line; line += strcspn(line, "\n") + 1)
			if (strcspn(line, "\n") > 100)
				fail_msg("%.*s", (int)strcspn(line, "\n"), line);
		buf_done(&out);
	}
}

TEST_MAIN(cmocka_unit_test(a_command_shows_usage_aliases_and_aligned_options),
	cmocka_unit_test(a_command_without_options_has_no_such_section),
	cmocka_unit_test(the_program_lists_every_command), cmocka_unit_test(lines_fit_a_terminal))
