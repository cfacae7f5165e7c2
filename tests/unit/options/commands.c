/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static int find(const char **argv, struct choice *ret, struct err *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return options_find_command(argc, (char **)argv, ret, err);
}

#define FIND(ret, err, ...) find((const char *[]){ __VA_ARGS__, NULL }, ret, err)

static void groups_are_other_names_for_commands(void **state)
{
	static const struct {
		const char *words[2];
		enum command_id id;
		int n;
	} cases[] = {
		{ { "run", NULL }, CMD_RUN, 1 },
		{ { "container", "run" }, CMD_RUN, 2 },
		{ { "ps", NULL }, CMD_PS, 1 },
		{ { "container", "ls" }, CMD_PS, 2 },
		{ { "container", "list" }, CMD_PS, 2 },
		{ { "container", "ps" }, CMD_PS, 2 },
		{ { "image", "ls" }, CMD_IMAGES, 2 },
		{ { "image", NULL }, CMD_IMAGES, 1 }, /* acceptance row 14 */
		{ { "image", "rm" }, CMD_RMI, 2 },
		{ { "image", "inspect" }, CMD_IMAGE_INSPECT, 2 },
		{ { "container", "inspect" }, CMD_CONTAINER_INSPECT, 2 },
		{ { "inspect", NULL }, CMD_INSPECT, 1 },
		{ { "system", "info" }, CMD_INFO, 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autochoice struct choice c = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(FIND(&c, &err, cases[i].words[0], cases[i].words[1]), 0);
		assert_null(c.text);
		assert_int_equal(c.command->id, cases[i].id);
		assert_int_equal(c.words, cases[i].n);
	}
}

static void assert_help(const char *start, const char **argv)
{
	autochoice struct choice c = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(find(argv, &c, &err), 0);
	assert_non_null(c.text);
	if (strncmp(c.text, start, strlen(start)) != 0)
		fail_msg("%s", c.text);
}

#define HELP(start, ...) assert_help(start, (const char *[]){ __VA_ARGS__, NULL })

static void help_is_answered_for_everything(void **state)
{
	HELP("Usage:  sbx [OPTIONS] COMMAND\n", NULL);
	HELP("Usage:  sbx [OPTIONS] COMMAND\n", "help");
	HELP("Usage:  sbx run [OPTIONS] IMAGE", "run", "--help");
	HELP("Usage:  sbx run [OPTIONS] IMAGE", "run", "-d", "--name", "x", "--help");
	HELP("Usage:  sbx run [OPTIONS] IMAGE", "help", "run");
	HELP("Usage:  sbx ps [OPTIONS]", "container", "ls", "--help");
	HELP("Usage:  sbx container COMMAND", "container");
	HELP("Usage:  sbx image COMMAND", "image", "--help");
	HELP("Usage:  sbx image inspect", "help", "image", "inspect");
}

static void help_of_the_payload_is_not_ours(void **state)
{
	autochoice struct choice c = { 0 }, d = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(FIND(&c, &err, "run", "redis", "--help"), 0);
	assert_null(c.text);
	assert_int_equal(FIND(&d, &err, "run", "--name", "--help", "x"), 0);
	assert_null(d.text);
}

static void unknown_commands_are_exit_status_one(void **state)
{
	struct choice c = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(FIND(&c, &err, "rnu"), -ENOENT);
	assert_string_equal(
		err.text, "'rnu' is not an sbx command (did you mean 'run'?). See 'sbx --help'.");
	assert_int_equal(err.exit, 1);
	assert_int_equal(FIND(&c, &err, "container", "fly"), -ENOENT);
	assert_string_equal(
		err.text, "'container fly' is not an sbx command. See 'sbx container --help'.");
	assert_int_equal(FIND(&c, &err, "help", "fly"), -ENOENT);
	assert_int_equal(FIND(&c, &err, "swarm", "init"), -ENOENT);
	assert_string_equal(
		err.text, "'swarm' is not an sbx command: needs a swarm. See 'sbx --help'.");
}

static void completion_is_answered_here(void **state)
{
	autochoice struct choice c = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(FIND(&c, &err, "completion", "bash"), 0);
	assert_non_null(strstr(c.text, "complete -F _sbx sbx"));
	assert_int_equal(FIND(&c, &err, "completion", "tcsh"), -EINVAL);
	assert_int_equal(FIND(&c, &err, "completion"), -EINVAL);
	assert_int_equal(err.exit, 1);
}

/* The table itself: what parsing and printing rely on. */
static void rows_are_well_formed(void **state)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++) {
		assert_true(c->name || c->group);
		assert_int_equal(!c->group, !c->group_names);
		assert_ptr_equal(
			command_by_id(c->id)->spec.table, c->spec.table); /* aliases share it */
		assert_true(strlen(c->summary) <= 60);
		assert_true(c->summary[strlen(c->summary) - 1] != '.');
		if (c->name)
			assert_string_equal(c->spec.path, c->name);
		for (const struct opt *o = c->spec.table; o->kind != OPT_KIND_END; o++) {
			assert_non_null(o->name);
			if (o->kind == OPT_KIND_ALIAS)
				continue;
			if (strlen(o->help) > 60 || o->help[strlen(o->help) - 1] == '.')
				fail_msg("%s --%s: %s", c->spec.path, o->name, o->help);
			assert_int_equal(o->kind == OPT_KIND_FLAG, !o->value);
			assert_int_equal(o->kind == OPT_KIND_CALL, o->call != NULL);
			if (c->id == CMD_RUN && o == c->spec.table + RUN_ONLY - 1)
				continue; /* those of the caller's terminal come first */
			if (o[1].kind != OPT_KIND_END && o[1].kind != OPT_KIND_ALIAS &&
				strcmp(o->name, o[1].name) >= 0)
				fail_msg("%s: --%s does not sort before --%s", c->spec.path,
					o->name, o[1].name);
		}
	}
}

static void no_letter_or_name_is_used_twice(void **state)
{
	const struct command *c;

	for (size_t i = 0; (c = command_at(i)); i++)
		for (const struct opt *a = c->spec.table; a->kind != OPT_KIND_END; a++)
			for (const struct opt *b = a + 1; b->kind != OPT_KIND_END; b++) {
				assert_true(strcmp(a->name, b->name) != 0);
				assert_true(!a->letter || a->letter != b->letter);
			}
}

TEST_MAIN(cmocka_unit_test(groups_are_other_names_for_commands),
	cmocka_unit_test(help_is_answered_for_everything),
	cmocka_unit_test(help_of_the_payload_is_not_ours),
	cmocka_unit_test(unknown_commands_are_exit_status_one),
	cmocka_unit_test(completion_is_answered_here), cmocka_unit_test(rows_are_well_formed),
	cmocka_unit_test(no_letter_or_name_is_used_twice))
