/* SPDX-License-Identifier: Apache-2.0 */
/* Runs fish, where it is installed, on the real script. */
#include "completion_shell.h"

static int prepare(void **state)
{
	return completion_prepare(state, completion_fish);
}

static void assert_offers(void **state, const char *line, const char *want)
{
	struct scratch *dir = *state;
	autofree char *code = xasprintf(
		"set -x PATH %s/bin $PATH; source %s/script; "
		"complete -C '%s' | string replace -r '\\t.*' '' | sort | string join ' '; true",
		dir->path, dir->path, line);
	const char *const argv[] = { "fish", "--no-config", "-c", code, NULL };
	autofree char *out = completion_run("/usr/bin/fish", argv);

	assert_line(line, out, want);
}

static void commands_options_values_and_names_are_offered(void **state)
{
	assert_offers(state, "sbx ru", "run");
	assert_offers(state, "sbx container li", "list");
	assert_offers(state, "sbx --root /x cont", "container");
	assert_offers(state, "sbx run --workd", "--workdir");
	assert_offers(state, "sbx run --pull ", "always missing never");
	assert_offers(state, "sbx rm ", "db web");
	assert_offers(state, "sbx rmi ", "redis:7 redis:8");
	assert_offers(state, "sbx ps ", "");
	assert_offers(state, "sbx completion ", "bash fish zsh");
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
	commands_options_values_and_names_are_offered, prepare, harness_scratch_done))
