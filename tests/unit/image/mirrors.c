/* SPDX-License-Identifier: Apache-2.0 */
#include "image/mirrors.h"

#include <string.h>

#include "base/own.h"
#include "harness.h"

static int resolve(const char *config, const char *domain, struct endpoints *ret, struct err *err)
{
	autojson struct json *settings = NULL;

	if (config)
		assert_int_equal(json_parse(config, strlen(config), &settings, err), 0);
	return mirrors_resolve(settings, domain, ret, err);
}

static void docker_io_lives_on_registry_1(void **state)
{
	autoendpoints struct endpoints found = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(resolve(NULL, "docker.io", &found, &err), 0);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.list[0].base, "https://registry-1.docker.io");
	assert_string_equal(found.list[0].login_host, "docker.io");
	assert_false(found.list[0].plain_ok);
	assert_false(found.list[0].insecure);
	assert_false(found.list[0].mirror);
	assert_false(found.list[0].either);
}

static void mirrors_come_first_and_in_order(void **state)
{
	autoendpoints struct endpoints found = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(
		resolve("{\"registries\":{\"docker.io\":{\"mirrors\":[\"http://127.0.0.1:5000/\","
			"\"https://cache.lan/hub\"],\"authRealms\":[\"a.b\"]}}}",
			"docker.io", &found, &err),
		0);
	assert_int_equal(found.n, 3);
	assert_string_equal(found.list[0].base, "http://127.0.0.1:5000");
	assert_string_equal(found.list[0].login_host, "127.0.0.1:5000");
	assert_true(found.list[0].plain_ok);
	assert_true(found.list[0].mirror);
	assert_string_equal(found.list[1].base, "https://cache.lan/hub");
	assert_false(found.list[1].plain_ok);
	assert_string_equal(found.list[2].base, "https://registry-1.docker.io");
	assert_true(strv_has(&found.list[2].realms, "a.b"));
}

static void plain_http_needs_loopback_or_the_configuration(void **state)
{
	static const struct {
		const char *domain;
		bool plain, insecure;
	} table[] = { { "localhost:5000", true, false }, { "127.0.0.1", true, false },
		{ "[::1]:1", true, false }, { "lab.lan", true, true }, { "r.io", false, false },
		{ "localhost.evil:80", false, false } };
	const char *config = "{\"registries\":{\"lab.lan\":{\"insecure\":true}}}";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		autoendpoints struct endpoints found = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(resolve(config, table[i].domain, &found, &err), 0);
		if (found.list[0].plain_ok != table[i].plain ||
			found.list[0].insecure != table[i].insecure)
			fail_msg("%s is judged wrongly", table[i].domain);
	}
}

static void loopback_is_asked_in_http_first_and_others_in_https(void **state)
{
	autoendpoints struct endpoints local = { 0 }, lab = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(resolve(NULL, "localhost:5000", &local, &err), 0);
	assert_string_equal(local.list[0].base, "http://localhost:5000");
	assert_true(local.list[0].either);
	assert_int_equal(resolve("{\"registries\":{\"lab.lan\":{\"insecure\":true}}}", "lab.lan",
				 &lab, &err),
		0);
	assert_string_equal(lab.list[0].base, "https://lab.lan");
	assert_true(lab.list[0].either);
}

static void mistakes_in_the_file_are_named(void **state)
{
	static const char *const table[][2] = {
		{ "{\"registries\":[]}", "must be an object" },
		{ "{\"registries\":{\"r.io\":7}}", "must be an object" },
		{ "{\"registries\":{\"r.io\":{\"mirror\":[]}}}", "unknown key \"mirror\"" },
		{ "{\"registries\":{\"r.io\":{\"mirrors\":\"http://x\"}}}", "must be a list" },
		{ "{\"registries\":{\"r.io\":{\"mirrors\":[7]}}}", "must hold strings" },
		{ "{\"registries\":{\"r.io\":{\"mirrors\":[\"x.io\"]}}}",
			"only http:// and https://" },
		{ "{\"registries\":{\"r.io\":{\"mirrors\":[\"http://u@x.io\"]}}}", "user names" },
		{ "{\"registries\":{\"r.io\":{\"mirrors\":[\"http://x.io/?a\"]}}}",
			"end with the path" },
		{ "{\"registries\":{\"r.io\":{\"insecure\":\"yes\"}}}", "true or false" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct endpoints none = { 0 };
		struct err err = ERR_INIT;

		if (resolve(table[i][0], "r.io", &none, &err) != -EINVAL)
			fail_msg("%s was accepted", table[i][0]);
		if (!strstr(err.text, table[i][1]))
			fail_msg("%s: \"%s\" does not say \"%s\"", table[i][0], err.text,
				table[i][1]);
		assert_null(none.list);
	}
}

TEST_MAIN(cmocka_unit_test(docker_io_lives_on_registry_1),
	cmocka_unit_test(mirrors_come_first_and_in_order),
	cmocka_unit_test(plain_http_needs_loopback_or_the_configuration),
	cmocka_unit_test(loopback_is_asked_in_http_first_and_others_in_https),
	cmocka_unit_test(mistakes_in_the_file_are_named))
