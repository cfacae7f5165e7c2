/* SPDX-License-Identifier: Apache-2.0 */
/* --security-opt and --privileged; the record that exec reads; base64 both ways. */
#include "harness.h"

#include <errno.h>
#include <string.h>

#include "policy/caps.h"
#include "policy/policy.h"

static int plan(const char *option, bool privileged, struct policy *ret, struct err *err)
{
	struct globals globals = { 0 }; /* the built-in filter needs no cache */
	struct run_opts opts = { .privileged = privileged };
	int r;

	*ret = (struct policy){ 0 };
	if (option)
		strv_add(&opts.security_opt, option);
	r = policy_plan(&globals, &opts, ret, err);
	strv_done(&opts.security_opt);
	return r;
}

static void the_default_is_filtered_masked_and_may_use_setuid(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	assert_int_equal(plan(NULL, false, &policy, &err), 0);
	assert_int_equal(policy.caps, CAPS_DEFAULT);
	assert_false(policy.no_new_privs);
	assert_non_null(policy.filter);
	assert_true(policy.filter_len > 100 && policy.filter_len < 600);
	assert_true(strv_has(&policy.masked, "/proc/kcore"));
	assert_true(strv_has(&policy.masked, "/proc/keys"));
	assert_true(strv_has(&policy.masked, "/sys/firmware"));
	assert_true(strv_has(&policy.read_only, "/proc/sys"));
	policy_done(&policy);
}

static void privileged_lifts_everything(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	assert_int_equal(plan(NULL, true, &policy, &err), 0);
	assert_int_equal(policy.caps, CAPS_ALL);
	assert_null(policy.filter);
	assert_int_equal(policy.masked.n, 0);
	assert_int_equal(policy.read_only.n, 0);
	policy_done(&policy);
}

static void options_come_in_all_of_dockers_forms(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	assert_int_equal(plan("no-new-privileges", false, &policy, &err), 0);
	assert_true(policy.no_new_privs);
	policy_done(&policy);
	assert_int_equal(plan("no-new-privileges:true", false, &policy, &err), 0);
	assert_true(policy.no_new_privs);
	policy_done(&policy);
	assert_int_equal(plan("no-new-privileges=false", false, &policy, &err), 0);
	assert_false(policy.no_new_privs);
	policy_done(&policy);
	assert_int_equal(plan("seccomp=unconfined", false, &policy, &err), 0);
	assert_null(policy.filter);
	policy_done(&policy);
	assert_int_equal(plan("seccomp:unconfined", false, &policy, &err), 0);
	assert_null(policy.filter);
	policy_done(&policy);
	assert_int_equal(plan("label=disable", false, &policy, &err), 0);
	policy_done(&policy);
	assert_int_equal(plan("apparmor=unconfined", false, &policy, &err), 0);
	policy_done(&policy);
}

static void paths_are_masked_and_unmasked(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	assert_int_equal(plan("mask=/a/b:/proc/kcore:/c", false, &policy, &err), 0);
	assert_true(strv_has(&policy.masked, "/a/b"));
	assert_true(strv_has(&policy.masked, "/c"));
	policy_done(&policy);
	assert_int_equal(plan("unmask=/proc/*", false, &policy, &err), 0);
	assert_false(strv_has(&policy.masked, "/proc/kcore"));
	assert_true(strv_has(&policy.masked, "/sys/firmware"));
	assert_int_equal(policy.read_only.n, 0);
	policy_done(&policy);
	assert_int_equal(plan("systempaths=unconfined", false, &policy, &err), 0);
	assert_int_equal(policy.masked.n + policy.read_only.n, 0);
	policy_done(&policy);
	assert_int_equal(plan("unmask=ALL", false, &policy, &err), 0);
	assert_int_equal(policy.masked.n + policy.read_only.n, 0);
	policy_done(&policy);
}

static void a_misspelt_protection_is_an_error(void **state)
{
	static const char *const bad[] = { "", "no-new-privilege", "no-new-privileges=maybe",
		"seccomp", "seccomp=", "systempaths=x", "mask=", "mask=a", "mask=/a:b",
		"unmask=proc", "label", "apparmor", "writable", "=x", "mask=/a:" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = ERR_INIT;
		struct policy policy;
		if (plan(bad[i], false, &policy, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.exit, 125);
		assert_non_null(strstr(err.text, "invalid --security-opt"));
	}
}

static void a_missing_profile_is_an_error(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	assert_int_equal(plan("seccomp=/no/such.json", false, &policy, &err), -ENOENT);
	assert_int_equal(err.exit, 125);
	assert_non_null(strstr(err.text, "opening seccomp profile (/no/such.json) failed"));
}

static void only_profiles_in_files_are_taken_from_the_record(void **state)
{
	static const struct {
		const char *first, *second;
		bool reads;
	} cases[] = { { "seccomp=/dev/fd/63", NULL, true }, { "seccomp:./x.json", NULL, true },
		{ "seccomp=unconfined", NULL, false }, { "seccomp=builtin", NULL, false },
		{ "seccomp=default", NULL, false }, { "seccomp-deny=mkdir", NULL, false },
		{ "seccomp=x", "seccomp=unconfined", false },
		{ "seccomp=unconfined", "seccomp=x", true },
		{ "no-new-privileges", "seccomp=x", true } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run_opts opts = { 0 };

		strv_add(&opts.security_opt, cases[i].first);
		if (cases[i].second)
			strv_add(&opts.security_opt, cases[i].second);
		if (policy_reads_file(&opts) != cases[i].reads)
			fail_msg("%s, %s", cases[i].first, cases[i].second);
		strv_done(&opts.security_opt);
	}
}

static void a_record_comes_back_as_it_was(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy, again;

	(void)state;
	assert_int_equal(plan("no-new-privileges", false, &policy, &err), 0);
	struct json *doc = policy_to_json(&policy);
	assert_int_equal(policy_from_json(doc, &again, &err), 0);
	assert_int_equal(again.caps, policy.caps);
	assert_true(again.no_new_privs);
	assert_int_equal(again.filter_len, policy.filter_len);
	assert_memory_equal(
		again.filter, policy.filter, policy.filter_len * sizeof(*policy.filter));
	assert_int_equal(again.masked.n, policy.masked.n);
	assert_int_equal(again.read_only.n, policy.read_only.n);
	json_free(doc);
	policy_done(&policy);
	policy_done(&again);
}

static void a_damaged_record_is_refused(void **state)
{
	static const char *const bad[] = { "{}", "null", "{\"caps\":1}",
		"{\"caps\":-1,\"noNewPrivileges\":true,\"seccomp\":null}",
		"{\"caps\":1,\"noNewPrivileges\":true}",
		"{\"caps\":1,\"noNewPrivileges\":true,\"seccomp\":\"\"}",
		"{\"caps\":1,\"noNewPrivileges\":true,\"seccomp\":\"BgAAAAAA\"}",
		"{\"caps\":1,\"noNewPrivileges\":true,\"seccomp\":\"BgAAAAAA_38=\"}",
		"{\"caps\":1,\"noNewPrivileges\":true,\"seccomp\":\"BgAAAAAA/3\"}",
		"{\"caps\":1,\"noNewPrivileges\":true,\"seccomp\":\"BgAAAA==AAD/fw==\"}" };
	static const char good[] =
		"{\"caps\":1,\"noNewPrivileges\":true,\"seccomp\":\"BgAAAAAA/38=\"}";
	struct err err = ERR_INIT;
	struct policy policy;
	struct json *doc = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(json_parse(bad[i], strlen(bad[i]), &doc, &err), 0);
		if (policy_from_json(doc, &policy, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
		json_free(doc);
	}
	assert_int_equal(json_parse(good, strlen(good), &doc, &err), 0);
	assert_int_equal(policy_from_json(doc, &policy, &err), 0);
	assert_int_equal(policy.filter_len, 1);
	assert_int_equal(policy.filter[0].code, 6);
	assert_int_equal(policy.filter[0].k, 0x7fff0000);
	json_free(doc);
	policy_done(&policy);
}

TEST_MAIN(cmocka_unit_test(the_default_is_filtered_masked_and_may_use_setuid),
	cmocka_unit_test(privileged_lifts_everything),
	cmocka_unit_test(options_come_in_all_of_dockers_forms),
	cmocka_unit_test(paths_are_masked_and_unmasked),
	cmocka_unit_test(a_misspelt_protection_is_an_error),
	cmocka_unit_test(a_missing_profile_is_an_error),
	cmocka_unit_test(only_profiles_in_files_are_taken_from_the_record),
	cmocka_unit_test(a_record_comes_back_as_it_was),
	cmocka_unit_test(a_damaged_record_is_refused))
