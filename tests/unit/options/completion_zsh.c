/* SPDX-License-Identifier: Apache-2.0 */
/* Runs zsh, where it is installed: in a pty of its own (zpty), as its completion needs an editor. */
#include "options/completion.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "harness.h"

/* Types $1 and Tab, Tab into an interactive zsh and prints what the terminal showed. */
static const char driver[] =
	"zmodload zsh/zpty\n"
	"zpty z 'zsh -f -i'\n"
	"zpty -w z \"PROMPT=; PATH=$2/bin:\\$PATH; autoload -U compinit; compinit -u -D; source $2/script\"\n"
	"zpty -w z \"bindkey -e; LISTMAX=0; setopt no_beep; stty rows 100 cols 200; print RE''ADY\"\n"
	"zpty -r -m z out '*READY*'\n"
	"zpty -n -w z \"$1\"$'\\t\\t\\r'\n"
	"zpty -w z \"print DO''NE\"\n"
	"zpty -r -m z out '*DONE*'\n"
	"print -r -- $out\n"
	"zpty -d z\n";

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
	completion_zsh(&script);
	scratch_write(dir, "script", script.data);
	buf_done(&script);
	scratch_write(dir, "driver", driver);
	scratch_mkdir(dir, "bin");
	scratch_write(dir, "bin/sbx", fake);
	path = xasprintf("%s/bin/sbx", dir->path);
	return chmod(path, 0755) || setenv("HOME", dir->path, 1) || setenv("TERM", "dumb", 1);
}

static void assert_offers(void **state, const char *line, const char *want)
{
	struct scratch *dir = *state;
	autofree char *path = xasprintf("%s/driver", dir->path);
	const char *argv[] = { "zsh", "-f", path, line, dir->path, NULL };
	const struct spawn spawn = { .path = "/usr/bin/zsh", .argv = (char *const *)argv };
	autofree char *out = NULL;
	struct err err = ERR_INIT;

	if (access(spawn.path, X_OK) != 0) {
		print_message("zsh is not installed\n");
		skip();
	}
	assert_int_equal(spawn_capture(&spawn, 65536, &out, &err), 0);
	if (!strstr(out, want))
		fail_msg("'%s' shows '%s', not '%s'", line, out, want);
}

static void commands_options_values_and_names_are_offered(void **state)
{
	assert_offers(state, "sbx ru", "sbx run ");
	assert_offers(state, "sbx container li", "sbx container list ");
	assert_offers(state, "sbx --storage-driver fuse inf", "fuse info ");
	assert_offers(state, "sbx run --workd", "sbx run --workdir=");
	assert_offers(state, "sbx run --pull ", "always   missing  never");
	assert_offers(state, "sbx rm ", "db   web");
	assert_offers(state, "sbx run red", "redis:7");
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
	commands_options_values_and_names_are_offered, prepare, harness_scratch_done))
