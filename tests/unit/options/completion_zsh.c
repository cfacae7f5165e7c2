/* SPDX-License-Identifier: Apache-2.0 */
/* Runs zsh, where it is installed: in a pty of its own (zpty), as its completion needs an editor. */
#include "completion_shell.h"

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
	if (completion_prepare(state, completion_zsh) != 0)
		return -1;
	scratch_write(*state, "driver", driver);
	return setenv("TERM", "dumb", 1);
}

static void assert_offers(void **state, const char *line, const char *want)
{
	struct scratch *dir = *state;
	autofree char *path = xasprintf("%s/driver", dir->path);
	const char *const argv[] = { "zsh", "-f", path, line, dir->path, NULL };
	autofree char *out = completion_run("/usr/bin/zsh", argv);

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
