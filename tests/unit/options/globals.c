/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int parse(const char **argv, struct globals *ret, int *verb, struct err *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return globals_parse(argc, (char **)argv, ret, verb, err);
}

#define GLOBALS(g, verb, err, ...) parse((const char *[]){ "sbx", __VA_ARGS__, NULL }, g, verb, err)

static int clean_environment(void **state)
{
	static const char *const names[] = { "SBX_ROOT", "SBX_RUNROOT", "SBX_CONFIG",
		"SBX_STORAGE_DRIVER", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR" };
	struct scratch *dir;

	if (harness_scratch(state) != 0)
		return -1;
	dir = *state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unsetenv(names[i]) != 0)
			return -1;
	return setenv("HOME", dir->path, 1);
}

static char *join(const struct scratch *dir, const char *name)
{
	return xasprintf("%s/%s", dir->path, name);
}

static void flags_beat_the_environment_and_that_beats_xdg(void **state)
{
	struct scratch *dir = *state;
	autofree char *home = join(dir, ".local/share/sbx"), *xdg = join(dir, "xdg"),
		      *sbx = join(dir, "xdg/sbx");
	autoglobals struct globals a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	struct err err = ERR_INIT;
	int verb;

	assert_int_equal(GLOBALS(&a, &verb, &err, "ps"), 0);
	assert_string_equal(a.root, home);
	assert_int_equal(a.log_level, LOG_INFO); /* "Unable to find image …" is said */
	assert_int_equal(setenv("XDG_DATA_HOME", xdg, 1), 0);
	assert_int_equal(GLOBALS(&b, &verb, &err, "ps"), 0);
	assert_string_equal(b.root, sbx);
	assert_int_equal(setenv("SBX_ROOT", "/var/tmp/r", 1), 0);
	assert_int_equal(GLOBALS(&c, &verb, &err, "ps"), 0);
	assert_string_equal(c.root, "/var/tmp/r");
	assert_int_equal(GLOBALS(&d, &verb, &err, "--root", "/x/../y/", "ps"), 0);
	assert_string_equal(d.root, "/y");
}

static void the_verb_is_found_behind_the_options(void **state)
{
	autoglobals struct globals g = { 0 };
	struct err err = ERR_INIT;
	int verb = 0;

	assert_int_equal(GLOBALS(&g, &verb, &err, "--storage-driver=fuse", "-D", "run", "--root",
				 "x", "img"),
		0);
	assert_int_equal(verb, 3);
	assert_string_equal(g.storage_driver, "fuse");
	assert_int_equal(g.log_level, LOG_DEBUG);
}

static void without_a_verb_nothing_is_looked_up(void **state)
{
	autoglobals struct globals a = { 0 }, b = { 0 }, c = { 0 };
	struct err err = ERR_INIT;
	int verb = 0;

	assert_int_equal(setenv("SBX_CONFIG", "/nonexistent", 1), 0);
	assert_int_equal(GLOBALS(&a, &verb, &err, "--version", "ps"), 0);
	assert_true(a.version);
	assert_int_equal(verb, 3);
	assert_int_equal(GLOBALS(&b, &verb, &err, "--help"), 0);
	assert_true(b.help);
	assert_int_equal(GLOBALS(&c, &verb, &err, NULL), 0);
	assert_int_equal(verb, 1);
}

static void the_configuration_names_the_driver_last(void **state)
{
	struct scratch *dir = *state;
	autofree char *config = join(dir, "c.json");
	autoglobals struct globals a = { 0 }, b = { 0 }, c = { 0 };
	struct err err = ERR_INIT;
	int verb;

	scratch_write(dir, "c.json", "{\"storageDriver\": \"fuse\"}");
	assert_int_equal(GLOBALS(&a, &verb, &err, "ps"), 0);
	assert_string_equal(a.storage_driver, "auto");
	assert_null(a.settings);
	assert_int_equal(GLOBALS(&b, &verb, &err, "--config", config, "ps"), 0);
	assert_string_equal(b.storage_driver, "fuse");
	assert_non_null(b.settings);
	assert_int_equal(setenv("SBX_STORAGE_DRIVER", "overlay", 1), 0);
	assert_int_equal(GLOBALS(&c, &verb, &err, "--config", config, "ps"), 0);
	assert_string_equal(c.storage_driver, "overlay");
}

static void bad_values_name_where_they_came_from(void **state)
{
	struct globals g = { 0 };
	struct err err = ERR_INIT;
	int verb;

	assert_int_equal(setenv("SBX_STORAGE_DRIVER", "vfs", 1), 0);
	assert_int_equal(GLOBALS(&g, &verb, &err, "ps"), -EINVAL);
	assert_string_equal(err.text,
		"SBX_STORAGE_DRIVER: unknown storage driver \"vfs\": auto, overlay or fuse");
	assert_int_equal(err.exit, 125);
	assert_int_equal(GLOBALS(&g, &verb, &err, "--bogus", "ps"), -EINVAL);
	assert_string_equal(err.text, "unknown flag: --bogus. See 'sbx --help'.");
	assert_int_equal(GLOBALS(&g, &verb, &err, "--log-level", "loud", "ps"), -EINVAL);
	assert_int_equal(GLOBALS(&g, &verb, &err, "--config", "/nonexistent", "ps"), -ENOENT);
}

static bool fell_back(const struct globals *g)
{
	return strncmp(g->runroot, "/tmp/sbx-", 9) == 0 ||
	       strncmp(g->runroot, "/run/user/", 10) == 0;
}

static void the_runtime_directory_is_checked_before_it_is_believed(void **state)
{
	struct scratch *dir = *state;
	autofree char *run = join(dir, "run"), *sbx = join(dir, "run/sbx");
	autoglobals struct globals a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	struct err err = ERR_INIT;
	int verb;

	assert_int_equal(mkdir(run, 0700), 0);
	assert_int_equal(setenv("XDG_RUNTIME_DIR", run, 1), 0);
	assert_int_equal(GLOBALS(&a, &verb, &err, "ps"), 0);
	assert_string_equal(a.runroot, sbx);
	assert_int_equal(chmod(run, 0777), 0);
	assert_int_equal(GLOBALS(&b, &verb, &err, "ps"), 0);
	assert_true(fell_back(&b));
	assert_int_equal(setenv("XDG_RUNTIME_DIR", "/nonexistent", 1), 0);
	assert_int_equal(GLOBALS(&c, &verb, &err, "ps"), 0);
	assert_true(fell_back(&c));
	assert_int_equal(GLOBALS(&d, &verb, &err, "--runroot", "/tmp/x", "ps"), 0);
	assert_string_equal(d.runroot, "/tmp/x");
}

static void relative_roots_start_at_the_working_directory(void **state)
{
	struct scratch *dir = *state;
	autofree char *want = join(dir, "store");
	autoglobals struct globals g = { 0 };
	struct err err = ERR_INIT;
	int verb;

	assert_int_equal(chdir(dir->path), 0);
	assert_int_equal(GLOBALS(&g, &verb, &err, "--root", "store", "ps"), 0);
	assert_string_equal(g.root, want);
}

static void the_driver_of_run_beats_the_global_one(void **state)
{
	autoglobals struct globals g = { 0 };
	struct run_opts none = { 0 }, fuse = { .storage_driver = (char *)"fuse" };
	struct err err = ERR_INIT;
	int verb;

	assert_int_equal(GLOBALS(&g, &verb, &err, "--storage-driver", "overlay", "run"), 0);
	globals_override(&g, &none);
	assert_string_equal(g.storage_driver, "overlay");
	globals_override(&g, &fuse);
	assert_string_equal(g.storage_driver, "fuse");
}

#define CLEAN(test) cmocka_unit_test_setup_teardown(test, clean_environment, harness_scratch_done)
TEST_MAIN(CLEAN(flags_beat_the_environment_and_that_beats_xdg),
	CLEAN(the_verb_is_found_behind_the_options), CLEAN(without_a_verb_nothing_is_looked_up),
	CLEAN(the_configuration_names_the_driver_last), CLEAN(bad_values_name_where_they_came_from),
	CLEAN(the_runtime_directory_is_checked_before_it_is_believed),
	CLEAN(relative_roots_start_at_the_working_directory),
	CLEAN(the_driver_of_run_beats_the_global_one))
