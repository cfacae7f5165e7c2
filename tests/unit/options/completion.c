/* SPDX-License-Identifier: Apache-2.0 */
/* What the three writers share; what the shells make of it is in completion_bash.c and its siblings. */
#include "options/completion.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void placeholders_decide_what_completes_a_value(void **state)
{
	assert_string_equal(completion_value("FILE"), "FILE");
	assert_string_equal(completion_value("DIR"), "DIR");
	assert_string_equal(completion_value("a|b|c"), "words");
	assert_string_equal(completion_value("NAME"), "none");
	assert_string_equal(completion_value("[[IP:]PORT:]PORT[/udp]"), "none");
}

static void usage_lines_decide_what_completes_an_operand(void **state)
{
	assert_string_equal(completion_operand(command_by_id(CMD_RUN)), "IMAGE");
	assert_string_equal(completion_operand(command_by_id(CMD_RM)), "CONTAINER");
	assert_string_equal(completion_operand(command_by_id(CMD_EXEC)), "CONTAINER");
	assert_string_equal(completion_operand(command_by_id(CMD_INSPECT)), "NAME|ID");
	assert_string_equal(completion_operand(command_by_id(CMD_PS)), "");
	assert_string_equal(completion_operand(command_by_id(CMD_VOLUME_RM)), "VOLUME");
}

static void every_name_of_a_command_is_listed(void **state)
{
	struct buf out = BUF_INIT;

	completion_each_name(command_by_id(CMD_PS), completion_add_pattern, &out);
	assert_string_equal(out.data, "'ps' | 'container ls' | 'container list' | 'container ps'");
	buf_done(&out);
}

static void unknown_shells_are_refused(void **state)
{
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(completion_script("csh", &out, &err), -EINVAL);
	assert_string_equal(err.text, "no completion for \"csh\": bash, zsh or fish");
	assert_int_equal(out.len, 0);
}

TEST_MAIN(cmocka_unit_test(placeholders_decide_what_completes_a_value),
	cmocka_unit_test(usage_lines_decide_what_completes_an_operand),
	cmocka_unit_test(every_name_of_a_command_is_listed),
	cmocka_unit_test(unknown_shells_are_refused))
