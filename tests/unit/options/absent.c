/* SPDX-License-Identifier: Apache-2.0 */
#include "options/absent.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "base/strv.h"
#include "harness.h"
#include "options/command.h"

#define WHY(path, flag) absent_flag(path, flag, strlen(flag))

static void a_flag_is_absent_where_docker_has_it(void **state)
{
	assert_string_equal(WHY("run", "isolation"), "Windows only");
	assert_non_null(WHY("network create", "ipam-opt"));
	assert_null(WHY("ps", "isolation"));
	assert_null(WHY("run", "isolatio"));
	assert_null(WHY("run", ""));
	assert_null(absent_flag("run", "isolationx", 10));
	assert_non_null(absent_flag("run", "isolation=hyperv", 9));
}

static void a_group_and_each_of_its_commands_have_a_reason(void **state)
{
	assert_string_equal(absent_command("swarm", NULL), "needs a swarm");
	assert_string_equal(absent_command("volume", "update"), "needs a swarm");
	assert_null(absent_command("volume", "ls"));
	assert_null(absent_command(NULL, "volume"));
	assert_non_null(absent_command(NULL, "compose"));
}

/* A row that has become wrong would never be read: the parser asks only for what it does not know. */
static void no_command_or_flag_of_ours_is_called_absent(void **state)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		for (const struct opt *o = c->spec.table; o->kind != OPT_KIND_END; o++)
			if (o->name)
				assert_null(WHY(c->spec.path, o->name));
		if (c->name)
			assert_null(absent_command(NULL, c->name));
		if (c->group)
			assert_null(absent_command(c->group, c->group_names));
	}
}

static void the_reason_is_the_answer(void **state)
{
	char run[] = "run", flag[] = "--isolation=process", image[] = "busybox";
	char *argv[] = { run, flag, image, NULL };
	struct strv operands = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(
		opt_parse(&command_by_id(CMD_RUN)->spec, argv, NULL, &operands, &err), -EINVAL);
	assert_string_equal(err.text,
		"--isolation is a flag of Docker's that sbx does not have: Windows only. "
		"See 'sbx run --help'.");
	assert_int_equal(err.exit, 125);
	strv_done(&operands);
}

TEST_MAIN(cmocka_unit_test(a_flag_is_absent_where_docker_has_it),
	cmocka_unit_test(a_group_and_each_of_its_commands_have_a_reason),
	cmocka_unit_test(no_command_or_flag_of_ours_is_called_absent),
	cmocka_unit_test(the_reason_is_the_answer))
