/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

static int parse(char **argv, struct run_opts *ret, struct err *err)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	return run_opts_parse(argc, argv, ret, err);
}

#define RUN(opts, err, ...) parse((char **)(const char *[]){ "run", __VA_ARGS__, NULL }, opts, err)

static void assert_refused(const char *option, const char *value, const char *text)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, option, value, "img") < 0, 1);
	if (!strstr(err.text, text))
		fail_msg("%s %s: %s", option, value, err.text);
	assert_int_equal(err.exit, 125);
}

static void defaults_are_dockers(void **state)
{
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, "redis"), 0);
	assert_string_equal(o.image, "redis");
	assert_int_equal(o.command.n, 0);
	assert_true(o.sig_proxy);
	assert_false(o.detach);
	assert_null(o.entrypoint);
	assert_int_equal(o.stop_timeout, -1);
	assert_int_equal(o.shm_size, -1);
	assert_int_equal(o.pull, PULL_MISSING);
}

/* acceptance row 23 */
static void options_after_the_image_belong_to_the_command(void **state)
{
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, "--name", "aa", "BB", "echo", "--name", "b"), 0);
	assert_string_equal(o.name, "aa");
	assert_int_equal(o.command.n, 3);
	assert_string_equal(o.command.v[1], "--name");
}

/* acceptance row 77: name like the image, options in any order */
static void the_mysql_line_of_the_notes_parses(void **state)
{
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, "-d", "-p", "3306:3306", "-e",
				 "MYSQL_ROOT_PASSWORD=\xe5\xaf\x86\xe7\xa0\x81", "-v",
				 "/a:/var/log/mysql", "-v", "/b:/var/lib/mysql", "-v",
				 "/c:/etc/mysql/conf.d", "--name", "mysql", "mysql"),
		0);
	assert_int_equal(o.n_ports, 1);
	assert_int_equal(o.n_volumes, 3);
	assert_string_equal(o.env.v[0], "MYSQL_ROOT_PASSWORD=\xe5\xaf\x86\xe7\xa0\x81");
	assert_string_equal(o.name, "mysql");
}

/* acceptance row 28 */
static void it_d_bundles_in_any_order(void **state)
{
	static const char *const forms[] = { "-itd", "-dti", "-tid" };

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		autorunopts struct run_opts o = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(RUN(&o, &err, forms[i], "img"), 0);
		assert_true(o.interactive && o.tty && o.detach);
	}
}

/* acceptance row 24 */
static void names_follow_dockers_pattern(void **state)
{
	static const char *const good[] = { "a", "a1", "redis", "My_c.1-x", "00" };
	static const char *const bad[] = { "-x", ".x", "_x", "a b", "a/b", "\xc3\xa9t", "a:b",
		"../x" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		autorunopts struct run_opts o = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(RUN(&o, &err, "--name", good[i], "img"), 0);
		assert_string_equal(o.name, good[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_refused("--name", bad[i], "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
}

static void an_empty_name_is_none(void **state)
{
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, "--name=", "img"), 0);
	assert_null(o.name);
}

static void env_copies_the_callers_variable_and_the_last_one_wins(void **state)
{
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(setenv("SBX_TEST_COPY", "from host", 1), 0);
	assert_int_equal(unsetenv("SBX_TEST_UNSET"), 0);
	assert_int_equal(RUN(&o, &err, "-e", "A=1", "-e=A=2", "-e", "SBX_TEST_COPY", "-e",
				 "SBX_TEST_UNSET", "-eB=", "img"),
		0);
	assert_int_equal(o.env.n, 4);
	assert_string_equal(o.env.v[0], "A=2");
	assert_string_equal(o.env.v[1], "SBX_TEST_COPY=from host");
	assert_string_equal(o.env.v[2], "SBX_TEST_UNSET"); /* takes the image's away */
	assert_string_equal(o.env.v[3], "B=");
	assert_false(strv_has(&o.args, "--env=SBX_TEST_UNSET"));
}

static void env_beats_env_files_wherever_it_stands(void **state)
{
	struct scratch *dir = *state;
	autorunopts struct run_opts o = { 0 };
	autofree char *path = xasprintf("%s/env", dir->path);
	struct err err = ERR_INIT;

	scratch_write(dir, "env", "A=file\nB=file\n");
	assert_int_equal(RUN(&o, &err, "-e", "A=flag", "--env-file", path, "img"), 0);
	assert_string_equal(strv_env_get(&o.env, "A"), "flag");
	assert_string_equal(strv_env_get(&o.env, "B"), "file");
}

static void an_empty_entrypoint_is_not_a_missing_one(void **state)
{
	autorunopts struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, "--entrypoint", "", "img"), 0);
	assert_string_equal(o.entrypoint, "");
}

static void values_are_judged_with_dockers_words(void **state)
{
	assert_refused("-p", "abc", "invalid containerPort: abc");
	assert_refused("-e", "=x", "invalid environment variable: =x");
	assert_refused("-v", "/a:b", "mount path must be absolute");
	assert_refused("--pull", "maybe", "must be one of \"always\", \"missing\" or \"never\"");
	assert_refused("-w", "tmp", "needs to be an absolute path");
	assert_refused("-h", "a b", "invalid hostname");
	assert_refused("--stop-signal", "NOPE", "invalid signal: NOPE");
	assert_refused("--stop-timeout", "x", "strconv.ParseInt");
	assert_refused("--ulimit", "nofile", "invalid ulimit argument: nofile");
	assert_refused("--shm-size", "0", "greater than 0");
	assert_refused("--dns", "x", "IP address is not correctly formatted: x");
	assert_refused("--add-host", "x", "bad format for add-host");
	assert_refused("--label", "=x", "empty name");
	assert_refused("--platform", "linux", "os/arch");
	assert_refused("--storage-driver", "vfs", "auto, overlay or fuse");
	assert_refused("--env-file", "/nonexistent", "No such file");
	assert_refused("--tmpfs", "tmp", "mount path must be absolute");
	assert_refused("--mount", "type=bind,target=/x", "Source must not be empty");
	assert_refused("--replace", "img", "without --name");
}

static void no_image_is_exit_status_one(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(RUN(&o, &err, "-d"), -EINVAL);
	assert_string_equal(
		err.text, "\"sbx run\" requires at least 1 argument. See 'sbx run --help'.");
	assert_int_equal(err.exit, 1);
}

static void args_parse_again_to_the_same_options(void **state)
{
	struct scratch *dir = *state;
	autorunopts struct run_opts a = { 0 }, b = { 0 };
	autofree char *source = xasprintf("%s/data", dir->path);
	struct strv again = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(setenv("SBX_TEST_COPY", "then", 1), 0);
	assert_int_equal(chdir(dir->path), 0);
	assert_int_equal(
		RUN(&a, &err, "-dp", "80:80", "-e", "SBX_TEST_COPY", "-v", "./data:/d:ro",
			"--mount", "type=bind,src=./data,dst=/e,readonly", "--cidfile", "/x",
			"--pull=never", "--net", "none", "--rm=false", "img", "-x", "--", "y z"),
		0);
	assert_int_equal(setenv("SBX_TEST_COPY", "now", 1), 0);
	assert_int_equal(chdir("/"), 0);
	strv_add(&again, "run");
	strv_extend(&again, &a.args);
	assert_int_equal(parse(again.v, &b, &err), 0);
	strv_done(&again);
	assert_true(b.detach);
	assert_null(b.cidfile);
	assert_int_equal(b.pull, PULL_MISSING);
	assert_string_equal(b.env.v[0], "SBX_TEST_COPY=then");
	assert_string_equal(b.volumes[0].source, source);
	assert_true(b.volumes[0].read_only);
	assert_true(b.volumes[0].create_source);
	assert_string_equal(b.volumes[1].source, source);
	assert_string_equal(b.volumes[1].destination, "/e");
	assert_true(b.volumes[1].read_only);
	assert_false(b.volumes[1].create_source);
	assert_string_equal(b.network, "none");
	assert_int_equal(b.command.n, 3);
	assert_string_equal(b.command.v[2], "y z");
}

TEST_MAIN(cmocka_unit_test(defaults_are_dockers),
	cmocka_unit_test(options_after_the_image_belong_to_the_command),
	cmocka_unit_test(the_mysql_line_of_the_notes_parses),
	cmocka_unit_test(it_d_bundles_in_any_order), cmocka_unit_test(names_follow_dockers_pattern),
	cmocka_unit_test(an_empty_name_is_none),
	cmocka_unit_test(env_copies_the_callers_variable_and_the_last_one_wins),
	cmocka_unit_test_setup_teardown(
		env_beats_env_files_wherever_it_stands, harness_scratch, harness_scratch_done),
	cmocka_unit_test(an_empty_entrypoint_is_not_a_missing_one),
	cmocka_unit_test(values_are_judged_with_dockers_words),
	cmocka_unit_test(no_image_is_exit_status_one),
	cmocka_unit_test_setup_teardown(
		args_parse_again_to_the_same_options, harness_scratch, harness_scratch_done))
