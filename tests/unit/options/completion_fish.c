/* SPDX-License-Identifier: Apache-2.0 */
/* Runs fish, where it is installed, on the real script. */
#include "options/completion.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "harness.h"

static int prepare(void **state)
{
	static const char fake[] =
		"#!/bin/sh\n"
		"case $1 in ps) printf 'web\\ndb\\n' ;; images) printf 'redis:7\\nredis:8\\n' ;; esac\n";
	struct buf script = BUF_INIT;
	autofree char *path = NULL;
	struct scratch *dir;

	if (harness_scratch(state) != 0)
		return -1;
	dir = *state;
	completion_fish(&script);
	scratch_write(dir, "script", script.data);
	buf_done(&script);
	scratch_mkdir(dir, "bin");
	scratch_write(dir, "bin/sbx", fake);
	path = xasprintf("%s/bin/sbx", dir->path);
	return chmod(path, 0755) || setenv("HOME", dir->path, 1) || unsetenv("XDG_CONFIG_HOME") ||
	       unsetenv("XDG_DATA_HOME");
}

static void assert_offers(void **state, const char *line, const char *want)
{
	struct scratch *dir = *state;
	autofree char *code = xasprintf(
		"set -x PATH %s/bin $PATH; source %s/script; "
		"complete -C '%s' | string replace -r '\\t.*' '' | sort | string join ' '; true",
		dir->path, dir->path, line);
	const char *argv[] = { "fish", "--no-config", "-c", code, NULL };
	const struct spawn spawn = { .path = "/usr/bin/fish", .argv = (char *const *)argv };
	autofree char *out = NULL;
	struct err err = ERR_INIT;

	if (access(spawn.path, X_OK) != 0) {
		print_message("fish is not installed\n");
		skip();
	}
	assert_int_equal(spawn_capture(&spawn, 65536, &out, &err), 0);
	out[strcspn(out, "\n")] = '\0';
	if (strcmp(out, want) != 0)
		fail_msg("'%s' offers '%s', not '%s'", line, out, want);
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
