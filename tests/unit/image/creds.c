/* SPDX-License-Identifier: Apache-2.0 */
#include "image/creds.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "harness.h"

/* "ana:secret", "bob:a:b", "" and ":x" */
#define ANA "YW5hOnNlY3JldA=="
#define BOB "Ym9iOmE6Yg=="

static int lookup(const char *text, const char *host, const char *path, struct creds *ret)
{
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
	return creds_from_json(doc, host, path, ret, &err);
}

static void auth_is_user_colon_password(void **state)
{
	autocreds struct creds ana = { 0 }, bob = { 0 };
	const char *text = "{\"auths\":{\"h:5000\":{\"auth\":\"" ANA "\"},\"b.io\":{\"auth\":\"" BOB
			   "\"}}}";

	(void)state;
	assert_int_equal(lookup(text, "h:5000", "x", &ana), 1);
	assert_string_equal(ana.user, "ana");
	assert_string_equal(ana.secret, "secret");
	assert_int_equal(lookup(text, "b.io", "x", &bob), 1);
	assert_string_equal(bob.secret, "a:b");
}

static void hosts_match_to_the_letter(void **state)
{
	static const char *const others[] = { "registry.io.evil", "evil.registry.io", "registry.i",
		"egistry.io", "registry.io:443", "REGISTRY.io", "docker.io" };
	const char *text = "{\"auths\":{\"registry.io\":{\"auth\":\"" ANA "\"}}}";
	autocreds struct creds found = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (lookup(text, others[i], "a", &found) != 0)
			fail_msg("%s got the login of registry.io", others[i]);
	assert_int_equal(lookup(text, "registry.io", "a", &found), 1);
}

static void dockers_spellings_of_a_host_are_known(void **state)
{
	static const char *const keys[][2] = { { "https://index.docker.io/v1/", "docker.io" },
		{ "docker.io", "docker.io" }, { "https://r.io", "r.io" },
		{ "https://r.io/", "r.io" }, { "https://r.io/v2/", "r.io" },
		{ "http://r.io:80/v1/", "r.io:80" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		autofree char *text = xasprintf(
			"{\"auths\":{\"%s\":{\"auth\":\"" ANA "\"}}}", keys[i][0]);
		autocreds struct creds found = { 0 };

		if (lookup(text, keys[i][1], "library/x", &found) != 1)
			fail_msg("%s is not found for %s", keys[i][0], keys[i][1]);
	}
}

static void the_longest_namespace_wins(void **state)
{
	const char *text = "{\"auths\":{\"q.io\":{\"auth\":\"" ANA
			   "\"},\"q.io/team\":{\"auth\":\"" BOB "\"}}}";
	autocreds struct creds team = { 0 }, teams = { 0 };

	(void)state;
	assert_int_equal(lookup(text, "q.io", "team/app", &team), 1);
	assert_string_equal(team.user, "bob");
	assert_int_equal(lookup(text, "q.io", "teams/app", &teams), 1);
	assert_string_equal(teams.user, "ana");
}

static void identity_tokens_are_kept_apart(void **state)
{
	autocreds struct creds found = { 0 };

	(void)state;
	assert_int_equal(
		lookup("{\"auths\":{\"r.io\":{\"identitytoken\":\"T\"}}}", "r.io", "x", &found), 1);
	assert_string_equal(found.identity_token, "T");
	assert_null(found.user);
}

static void broken_entries_are_errors_and_empty_ones_nothing(void **state)
{
	autocreds struct creds none = { 0 };

	(void)state;
	assert_int_equal(
		lookup("{\"auths\":{\"r.io\":{\"auth\":\"!!\"}}}", "r.io", "x", &none), -EINVAL);
	assert_int_equal(
		lookup("{\"auths\":{\"r.io\":{\"auth\":\"Ong=\"}}}", "r.io", "x", &none), -EINVAL);
	assert_int_equal(lookup("{\"auths\":{\"r.io\":{}}}", "r.io", "x", &none), 0);
	assert_int_equal(lookup("{\"auths\":[]}", "r.io", "x", &none), 0);
	assert_int_equal(lookup("[]", "r.io", "x", &none), 0);
	assert_null(none.user);
}

static void the_helper_is_chosen_by_host(void **state)
{
	const char *text = "{\"credHelpers\":{\"r.io\":\"pass\"},\"credsStore\":\"file\"}";
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &doc, &err), 0);
	assert_string_equal(creds_helper(doc, "r.io"), "pass");
	assert_string_equal(creds_helper(doc, "r.io.evil"), "file");
}

static void a_helpers_answer_is_checked(void **state)
{
	autocreds struct creds a = { 0 }, b = { 0 }, none = { 0 };
	struct err err = ERR_INIT;
	const char *pair = "{\"ServerURL\":\"r.io\",\"Username\":\"ana\",\"Secret\":\"s\"}";
	const char *token = "{\"Username\":\"<token>\",\"Secret\":\"t\"}";

	(void)state;
	assert_int_equal(creds_from_helper(pair, strlen(pair), &a, &err), 1);
	assert_string_equal(a.user, "ana");
	assert_int_equal(creds_from_helper(token, strlen(token), &b, &err), 1);
	assert_string_equal(b.identity_token, "t");
	assert_int_equal(creds_from_helper("garbage", 7, &none, &err), -EINVAL);
	assert_int_equal(creds_from_helper("{}", 2, &none, &err), -EINVAL);
}

/* ---- with files and helpers of a scratch directory ---- */

static void use(const struct scratch *dir)
{
	autofree char *file = xasprintf("%s/auth.json", dir->path);
	autofree char *path = xasprintf("%s:/usr/bin:/bin", dir->path);

	assert_int_equal(setenv("REGISTRY_AUTH_FILE", file, 1), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
}

static void put(const struct scratch *dir, const char *name, const char *text, mode_t mode)
{
	scratch_write(dir, name, text);
	assert_int_equal(fchmodat(dir->fd, name, mode, 0), 0);
}

static void a_private_file_is_used(void **state)
{
	autocreds struct creds found = { 0 };

	use(*state);
	put(*state, "auth.json", "{\"auths\":{\"r.io\":{\"auth\":\"" ANA "\"}}}", 0600);
	assert_int_equal(creds_find("r.io", "x", &found), 1);
	assert_string_equal(found.user, "ana");
	assert_non_null(strstr(found.source, "auth.json"));
}

static void a_file_others_may_write_is_not_believed(void **state)
{
	autocreds struct creds found = { 0 };

	use(*state);
	put(*state, "auth.json", "{\"auths\":{\"r.io\":{\"auth\":\"" ANA "\"}}}", 0666);
	assert_int_equal(creds_find("r.io", "x", &found), 0);
}

static void a_helper_is_asked_with_the_host_on_its_stdin(void **state)
{
	autocreds struct creds found = { 0 };

	use(*state);
	put(*state, "auth.json", "{\"credsStore\":\"test\"}", 0600);
	put(*state, "docker-credential-test",
		"#!/bin/sh\n[ \"$1\" = get ] && read -r host; "
		"printf '{\"Username\":\"u\",\"Secret\":\"for %s\"}' \"$host\"\n",
		0700);
	assert_int_equal(creds_find("docker.io", "x", &found), 1);
	assert_string_equal(found.secret, "for https://index.docker.io/v1/");
	assert_string_equal(found.source, "docker-credential-test");
}

static void a_helper_that_fails_means_no_login(void **state)
{
	static const char *const bad[] = { "#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -9 $$\n",
		"#!/bin/sh\necho garbage\n",
		"#!/bin/sh\nwhile :; do echo AAAAAAAAAAAAAAAAAAAAAAAA; done\n" };
	autocreds struct creds found = { 0 };

	use(*state);
	put(*state, "auth.json", "{\"credsStore\":\"bad\"}", 0600);
	assert_int_equal(creds_find("r.io", "x", &found), 0); /* not installed */
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put(*state, "docker-credential-bad", bad[i], 0700);
		assert_int_equal(creds_find("r.io", "x", &found), 0);
	}
	put(*state, "auth.json", "{\"credsStore\":\"../../bin/sh\"}", 0600);
	assert_int_equal(creds_find("r.io", "x", &found), 0);
}

#define WITH_FILES(test) \
	cmocka_unit_test_setup_teardown(test, harness_scratch, harness_scratch_done)

TEST_MAIN(cmocka_unit_test(auth_is_user_colon_password),
	cmocka_unit_test(hosts_match_to_the_letter),
	cmocka_unit_test(dockers_spellings_of_a_host_are_known),
	cmocka_unit_test(the_longest_namespace_wins),
	cmocka_unit_test(identity_tokens_are_kept_apart),
	cmocka_unit_test(broken_entries_are_errors_and_empty_ones_nothing),
	cmocka_unit_test(the_helper_is_chosen_by_host),
	cmocka_unit_test(a_helpers_answer_is_checked), WITH_FILES(a_private_file_is_used),
	WITH_FILES(a_file_others_may_write_is_not_believed),
	WITH_FILES(a_helper_is_asked_with_the_host_on_its_stdin),
	WITH_FILES(a_helper_that_fails_means_no_login))
