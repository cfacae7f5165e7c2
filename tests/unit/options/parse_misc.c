/* SPDX-License-Identifier: Apache-2.0 */
#include "options/internal.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

static void ulimits_have_a_soft_and_a_hard_side(void **state)
{
	struct ulimit u = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_ulimit("nofile=1024:2048", &u, &err), 0);
	assert_int_equal(u.resource, RLIMIT_NOFILE);
	assert_int_equal(u.limit.rlim_cur, 1024);
	assert_int_equal(u.limit.rlim_max, 2048);
	assert_int_equal(parse_ulimit("nproc=7", &u, &err), 0);
	assert_int_equal(u.limit.rlim_max, 7);
	assert_int_equal(parse_ulimit("memlock=-1", &u, &err), 0);
	assert_true(u.limit.rlim_cur == RLIM_INFINITY && u.limit.rlim_max == RLIM_INFINITY);
	assert_int_equal(parse_ulimit("core=0:unlimited", &u, &err), 0);
	assert_int_equal(u.limit.rlim_cur, 0);
	assert_true(u.limit.rlim_max == RLIM_INFINITY);
}

static void bad_ulimits_are_named(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "invalid ulimit argument: " },
		{ "nofile", "invalid ulimit argument: nofile" },
		{ "nofile=", "invalid ulimit argument: nofile=" },
		{ "nofiles=1", "invalid ulimit type: nofiles" },
		{ "NOFILE=1", "invalid ulimit type: NOFILE" },
		{ "nofile=x", "invalid ulimit argument" },
		{ "nofile=1:", "invalid ulimit argument" },
		{ "nofile=:1", "invalid ulimit argument" },
		{ "nofile=1:2:3", "invalid ulimit argument" },
		{ "nofile=-2", "invalid ulimit argument" },
		{ "nofile=99999999999999999999", "invalid ulimit argument" },
		{ "nofile=2:1", "soft limit must be less than or equal to hard limit: 2 > 1" },
		{ "nofile=-1:5", "soft limit must be less" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct ulimit u = { 0 };
		struct err err = ERR_INIT;

		assert_int_equal(parse_ulimit(bad[i].text, &u, &err), -EINVAL);
		if (!strstr(err.text, bad[i].message))
			fail_msg("%s: %s", bad[i].text, err.text);
	}
}

static void platforms_have_two_or_three_parts(void **state)
{
	static const char *const good[] = { "linux/amd64", "linux/arm/v7", "linux/riscv64" };
	static const char *const bad[] = { "", "linux", "linux/", "/amd64", "linux//v7",
		"linux/arm/v7/x", "linux/arm/", "Linux/amd64", "linux/amd 64", "linux/amd64\n" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_int_equal(parse_platform(good[i], &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_platform(bad[i], &err), -EINVAL);
}

static void hosts_lines_are_normalised(void **state)
{
	static const struct {
		const char *text, *line;
	} good[] = {
		{ "db:10.0.0.1", "db:10.0.0.1" },
		{ "db=10.0.0.1", "db:10.0.0.1" },
		{ "db:::1", "db:::1" },
		{ "db:[::1]", "db:::1" },
		{ "host.docker.internal:host-gateway", "host.docker.internal:host-gateway" },
	};
	static const char *const bad[] = { "", "db", "db:", ":1.2.3.4", "db:x", "db:1.2.3",
		"a b:1.2.3.4", "db:1.2.3.4\n5.6.7.8 evil" };

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct strv list = STRV_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(parse_add_host(good[i].text, &list, &err), 0);
		assert_string_equal(list.v[0], good[i].line);
		strv_done(&list);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct strv list = STRV_INIT;
		struct err err = ERR_INIT;

		assert_int_equal(parse_add_host(bad[i], &list, &err), -EINVAL);
		assert_int_equal(list.n, 0);
	}
}

static void hostnames_are_what_dns_takes(void **state)
{
	static const char *const bad[] = { "", "-a", "a-", ".a", "a.", "a b", "a/b", "a\n",
		"\xc3\xa9", "0123456789012345678901234567890123456789012345678901234567890123" };

	assert_true(valid_hostname("web-1.example.org"));
	assert_true(valid_hostname("a"));
	assert_true(
		valid_hostname("012345678901234567890123456789012345678901234567890123456789012"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(valid_hostname(bad[i]));
}

TEST_MAIN(cmocka_unit_test(ulimits_have_a_soft_and_a_hard_side),
	cmocka_unit_test(bad_ulimits_are_named),
	cmocka_unit_test(platforms_have_two_or_three_parts),
	cmocka_unit_test(hosts_lines_are_normalised),
	cmocka_unit_test(hostnames_are_what_dns_takes))
