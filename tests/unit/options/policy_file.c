/* SPDX-License-Identifier: Apache-2.0 */
#include "options/policy_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"
#include "options/options.h"

static int load(const struct scratch *dir, const char *text, struct json **ret, struct err *err)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/p.json", dir->path);
	scratch_write(dir, "p.json", text);
	return policy_load(path, ret, err);
}

static void refused(const struct scratch *dir, const char *text, const char *says)
{
	autojson struct json *policy = NULL;
	struct err err = ERR_INIT;

	assert_true(load(dir, text, &policy, &err) < 0);
	assert_int_equal(err.exit, 125);
	if (!strstr(err.text, says))
		fail_msg("'%s' lacks '%s'", err.text, says);
}

static void the_shipped_policies_are_without_mistakes(void **state)
{
	size_t n = 0;

	(void)state;
	for (const struct builtin_policy *p = policy_builtins(); p->name; p++, n++) {
		autojson struct json *policy = NULL;
		autostrv struct strv words = STRV_INIT;
		autorunopts struct run_opts opts = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(policy_load(p->name, &policy, &err), 0);
		strv_add(&words, "run");
		strv_addf(&words, "--policy=%s", p->name);
		strv_add(&words, "image");
		if (run_opts_parse((int)words.n, words.v, &opts, &err) < 0)
			fail_msg("%s: %s", p->name, err.text);
		assert_string_equal(opts.policy, p->name);
	}
	assert_int_equal(n, 4);
}

static void keys_become_options(void **state)
{
	autojson struct json *policy = NULL;
	autostrv struct strv options = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(
		load(*state,
			"{\"sbxPolicy\":1,\"capabilities\":[\"CHOWN\"],\"newPrivileges\":false,"
			"\"seccomp\":{\"deny\":[\"a\",\"b\"],\"allow\":[]},"
			"\"files\":{\"readOnlyRoot\":true,\"scratch\":[\"/tmp:size=1m\"]},"
			"\"network\":{\"mode\":\"none\"},\"limits\":{\"openFiles\":7}}",
			&policy, &err),
		0);
	assert_int_equal(policy_options(policy, &options, &err), 0);
	static const char *const want[] = { "--cap-drop=ALL", "--cap-add=CHOWN",
		"--security-opt=no-new-privileges", "--security-opt=seccomp-deny=a,b",
		"--read-only", "--tmpfs=/tmp:size=1m", "--network=none", "--ulimit=nofile=7" };
	assert_int_equal(options.n, ARRAY_SIZE(want));
	for (size_t i = 0; i < options.n; i++)
		assert_string_equal(options.v[i], want[i]);
}

static void what_is_extended_is_replaced_key_by_key(void **state)
{
	autojson struct json *policy = NULL;
	autostrv struct strv options = STRV_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(
		load(*state,
			"{\"sbxPolicy\":1,\"extends\":\"untrusted\",\"capabilities\":[\"KILL\"],"
			"\"limits\":{\"openFiles\":9}}",
			&policy, &err),
		0);
	assert_int_equal(policy_options(policy, &options, &err), 0);
	assert_true(strv_has(&options, "--cap-add=KILL") && strv_has(&options, "--network=none"));
	assert_true(strv_has(&options, "--ulimit=nofile=9") &&
		    strv_has(&options, "--ulimit=nproc=512"));
	assert_false(strv_has(&options, "--ulimit=nofile=1024"));
}

static void the_callers_options_win(void **state)
{
	const char *argv[] = { "run", "--network", "bridge", "--policy", "untrusted", "--cap-add",
		"KILL", "image", NULL };
	autorunopts struct run_opts opts = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_opts_parse(8, (char **)argv, &opts, &err), 0);
	assert_string_equal(opts.network, "bridge");
	assert_int_equal(opts.n_more_networks, 0);
	assert_false(strv_has(&opts.args, "--network=none"));
	assert_true(opts.read_only && strv_has(&opts.cap_add, "KILL"));
	assert_true(strv_has(&opts.args, "--read-only=true"));
	assert_false(strv_has(&opts.args, "--policy=untrusted")); /* the record has its options */
}

static void mistakes_are_named(void **state)
{
	refused(*state, "{\"sbxPolicy\":1,\"seccomp\":{\"denny\":[]}}", "\"seccomp.denny\"");
	refused(*state, "{\"sbxPolicy\":1,\"nettwerk\":{}}", "\"nettwerk\"");
	refused(*state, "{\"sbxPolicy\":1,\"network\":{\"egres\":[]}}", "\"network.egres\"");
	refused(*state, "{\"sbxPolicy\":1,\"network\":{\"egress\":[1]}}", "\"network.egress\"");
	refused(*state, "{\"sbxPolicy\":1,\"network\":\"none\"}", "\"network\" must be an object");
	refused(*state, "{\"sbxPolicy\":1,\"capabilities\":\"ALL\"}", "\"capabilities\" must be");
	refused(*state, "{\"sbxPolicy\":1,\"newPrivileges\":0}", "true or false");
	refused(*state, "{\"sbxPolicy\":1,\"seccomp\":{\"profile\":\"x.json\"}}", "absolute path");
	refused(*state, "{\"summary\":\"x\"}", "sbxPolicy");
	refused(*state, "{\"sbxPolicy\":2}", "sbxPolicy");
	refused(*state, "{", "p.json");
	refused(*state, "{\"sbxPolicy\":1,\"extends\":\"nosuch\"}", "no policy named 'nosuch'");
}

static void a_policy_that_extends_itself_ends(void **state)
{
	const struct scratch *dir = *state;
	autofree char *text = xasprintf("{\"sbxPolicy\":1,\"extends\":\"%s/p.json\"}", dir->path);

	refused(dir, text, "extends too many");
}

static void ones_own_policies_lie_in_the_configuration(void **state)
{
	const struct scratch *dir = *state;
	autojson struct json *policy = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(setenv("XDG_CONFIG_HOME", dir->path, 1), 0);
	scratch_mkdir(dir, "sbx");
	scratch_mkdir(dir, "sbx/policies");
	scratch_write(dir, "sbx/policies/mine.json", "{\"sbxPolicy\":1,\"summary\":\"s\"}");
	scratch_write(dir, "sbx/policies/default.json", "{\"sbxPolicy\":1,\"summary\":\"evil\"}");
	assert_int_equal(policy_load("mine", &policy, &err), 0);
	assert_string_equal(json_str(json_get(policy, "summary"), ""), "s");
	json_free(policy);
	assert_int_equal(policy_load("default", &policy, &err), 0);
	assert_string_not_equal(json_str(json_get(policy, "summary"), ""), "evil");
	assert_int_equal(policy_load("../mine", &policy, &err), -ENOENT);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, harness_scratch, harness_scratch_done)
TEST_MAIN(cmocka_unit_test(the_shipped_policies_are_without_mistakes), CASE(keys_become_options),
	CASE(what_is_extended_is_replaced_key_by_key), cmocka_unit_test(the_callers_options_win),
	CASE(mistakes_are_named), CASE(a_policy_that_extends_itself_ends),
	CASE(ones_own_policies_lie_in_the_configuration))
