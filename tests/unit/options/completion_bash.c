/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the real shell on the real script, with a small sbx that knows two names. */
#include "completion_shell.h"

static int prepare(void **state)
{
	return completion_prepare(state, completion_bash);
}

/* What Tab offers after `line`, on one line. */
static void assert_offers(void **state, const char *line, const char *want)
{
	struct scratch *dir = *state;
	autofree char *code = xasprintf("PATH=%s/bin:$PATH; . %s/script; COMP_LINE='%s'; "
					"COMP_POINT=${#COMP_LINE}; _sbx; echo \"${COMPREPLY[*]}\"",
		dir->path, dir->path, line);
	const char *const argv[] = { "bash", "--norc", "-c", code, NULL };
	autofree char *out = completion_run("/bin/bash", argv);

	assert_line(line, out, want);
}

static void commands_and_groups_are_offered_first(void **state)
{
	assert_offers(state, "sbx ru", "run");
	assert_offers(state, "sbx cont", "container");
	assert_offers(state, "sbx --root /x ru", "run");
	assert_offers(state, "sbx container li", "list");
	assert_offers(state, "sbx --ro", "--root");
}

static void options_are_offered_for_the_command(void **state)
{
	assert_offers(state, "sbx run --workd", "--workdir");
	assert_offers(state, "sbx stop --", "--signal --timeout --help");
	assert_offers(state, "sbx container ls --no", "--no-trunc");
}

static void values_are_offered_after_their_option(void **state)
{
	assert_offers(state, "sbx run --pull ", "missing always never");
	assert_offers(state, "sbx run --pull=al", "always");
	assert_offers(state, "sbx --storage-driver f", "fuse");
	assert_offers(state, "sbx run --name ", "");
}

static void names_of_the_right_kind_are_offered(void **state)
{
	assert_offers(state, "sbx run r", "redis:7 redis:8");
	assert_offers(state, "sbx run -d --name x r", "redis:7 redis:8");
	assert_offers(state, "sbx rm w", "web");
	assert_offers(state, "sbx rm web d", "db");
	assert_offers(state, "sbx rmi redis:", "7 8"); /* readline keeps what is before the colon */
	assert_offers(state, "sbx completion ", "bash zsh fish");
	assert_offers(state, "sbx ps ", "");
}

static void files_are_offered_to_the_payload(void **state)
{
	struct scratch *dir = *state;

	assert_int_equal(chdir(dir->path), 0);
	assert_offers(state, "sbx run redis --scr scr", "script");
	assert_offers(state, "sbx exec web scr", "script");
	assert_offers(state, "sbx run --cidfile scr", "script");
}

#define WITH_SHELL(test) cmocka_unit_test_setup_teardown(test, prepare, harness_scratch_done)
TEST_MAIN(WITH_SHELL(commands_and_groups_are_offered_first),
	WITH_SHELL(options_are_offered_for_the_command),
	WITH_SHELL(values_are_offered_after_their_option),
	WITH_SHELL(names_of_the_right_kind_are_offered),
	WITH_SHELL(files_are_offered_to_the_payload))
