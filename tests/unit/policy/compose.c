/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/compose.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

#define PROFILE                                                                           \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["                            \
	"{\"names\":[\"read\",\"ptrace\"],\"action\":\"SCMP_ACT_ALLOW\"},"                \
	"{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0}]}," \
	"{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1}]}"

static int compose(char **deny, char **allow, struct buf *out, struct err *err)
{
	__attribute__((cleanup(profile_edits_done))) struct profile_edits edits = { 0 };

	strv_set(&edits.deny, deny);
	strv_set(&edits.allow, allow);
	return profile_compose(PROFILE, strlen(PROFILE), &edits, out, err);
}

#define LIST(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static void a_denied_call_has_one_rule_and_that_refuses(void **state)
{
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(compose(LIST("ptrace", "clone"), LIST(NULL), &out, &err), 0);
	assert_string_equal(out.data,
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0}]},"
		"{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1},"
		"{\"names\":[\"ptrace\",\"clone\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1}]}");
}

static void a_refusal_beats_a_permission(void **state)
{
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(compose(LIST("bpf"), LIST("bpf", "clone"), &out, &err), 0);
	assert_non_null(strstr(out.data, "{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\""));
	assert_non_null(strstr(out.data, "{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\""));
	assert_null(strstr(out.data, "[\"bpf\",\"clone\"]"));
}

static void only_takes_permissions_away(void **state)
{
	__attribute__((cleanup(profile_edits_done))) struct profile_edits edits = { 0 };
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	strv_set(&edits.only, LIST("read", "bpf"));
	assert_int_equal(profile_compose(PROFILE, strlen(PROFILE), &edits, &out, &err), 0);
	assert_string_equal(out.data,
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":["
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"},"
		"{\"names\":[],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0}]},"
		"{\"names\":[\"bpf\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1},"
		"{\"names\":[\"ptrace\",\"clone\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":1}]}");
}

static void a_misspelt_refusal_is_an_error(void **state)
{
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(compose(LIST("ptrance"), LIST(NULL), &out, &err), -EINVAL);
	assert_non_null(strstr(err.text, "ptrance"));
}

static void a_misspelt_permission_is_an_error(void **state)
{
	__attribute__((cleanup(profile_edits_done))) struct profile_edits edits = { 0 };
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(compose(LIST(NULL), LIST("mkdir", "opun"), &out, &err), -EINVAL);
	assert_string_equal(err.text, "seccomp-allow=opun: there is no such system call");
	strv_add(&edits.only, "read");
	strv_add(&edits.only, "wrythe");
	assert_int_equal(profile_compose(PROFILE, strlen(PROFILE), &edits, &out, &err), -EINVAL);
	assert_string_equal(err.text, "seccomp-only=wrythe: there is no such system call");
}

static void what_is_no_profile_is_refused(void **state)
{
	autobuf struct buf out = BUF_INIT;
	const struct profile_edits none = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_true(profile_compose("[]", 2, &none, &out, &err) < 0);
	assert_true(profile_compose("{\"syscalls\":1}", 14, &none, &out, &err) < 0);
	assert_true(profile_compose("{", 1, &none, &out, &err) < 0);
}

TEST_MAIN(cmocka_unit_test(a_denied_call_has_one_rule_and_that_refuses),
	cmocka_unit_test(a_refusal_beats_a_permission),
	cmocka_unit_test(only_takes_permissions_away),
	cmocka_unit_test(a_misspelt_refusal_is_an_error),
	cmocka_unit_test(a_misspelt_permission_is_an_error),
	cmocka_unit_test(what_is_no_profile_is_refused))
