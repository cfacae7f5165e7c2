/* SPDX-License-Identifier: Apache-2.0 */
/* Docker's seccomp JSON: what each field means, and that nothing misunderstood becomes an allow. */
#include "harness.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "policy/caps.h"
#include "policy/profile.h"

static int resolve(uint32_t arch, const char *name)
{
	static const char *const known[] = { "read", "write", "open", "mount", "clone" };

	for (int i = 0; i < 5; i++)
		if (strcmp(name, known[i]) == 0)
			return arch == AUDIT_ARCH_X86_64 ? i : i + 100;
	return -ENOENT;
}

static int parse(const char *text, uint64_t caps, struct profile *ret, struct err *err)
{
	const struct machine machine = { .name = "amd64",
		.token = "SCMP_ARCH_X86_64",
		.arch = AUDIT_ARCH_X86_64,
		.compat_token = "SCMP_ARCH_X86",
		.compat_arch = AUDIT_ARCH_I386,
		.kernel = 5 << 16 | 10,
		.caps = caps,
		.resolve = resolve };
	struct json *doc = NULL;
	int r;

	*ret = (struct profile){ 0 };
	assert_int_equal(json_parse(text, strlen(text), &doc, err), 0);
	r = profile_parse(doc, &machine, ret, err);
	json_free(doc);
	return r;
}

static void the_default_action_and_its_errno_are_read(void **state)
{
	struct err err = ERR_INIT;
	struct profile p;

	(void)state;
	assert_int_equal(parse("{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", 0, &p, &err), 0);
	assert_int_equal(p.default_action, SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(
		parse("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":38}", 0, &p, &err),
		0);
	assert_int_equal(p.default_action, SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(parse("{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"ENOSYS\"}",
				 0, &p, &err),
		0);
	assert_int_equal(p.default_action, SECCOMP_RET_ERRNO | ENOSYS);
}

static size_t rules_of(const char *entry, uint64_t caps)
{
	struct err err = ERR_INIT;
	struct profile p;
	char text[600];
	size_t n;

	snprintf(text, sizeof(text), "{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[%s]}",
		entry);
	if (parse(text, caps, &p, &err) < 0)
		fail_msg("%s: %s", entry, err.text);
	n = p.abi[0].n;
	profile_done(&p);
	return n;
}

#define ALLOW "\"action\":\"SCMP_ACT_ALLOW\""

static void unknown_names_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(rules_of("{\"names\":[\"read\",\"brandnew\",\"write\"]," ALLOW "}", 0), 2);
	assert_int_equal(rules_of("{\"name\":\"open\"," ALLOW "}", 0), 1);
}

static void includes_need_all_capabilities_and_excludes_any(void **state)
{
	const char *in = "{\"names\":[\"mount\"]," ALLOW
			 ",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_BPF\"]}}";
	const char *ex = "{\"names\":[\"mount\"]," ALLOW
			 ",\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\",\"CAP_BPF\"]}}";

	(void)state;
	assert_int_equal(rules_of(in, CAPS_BIT(CAP_SYS_ADMIN)), 0);
	assert_int_equal(rules_of(in, CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_BPF)), 1);
	assert_int_equal(rules_of(ex, CAPS_BIT(CAP_BPF)), 0);
	assert_int_equal(rules_of(ex, 0), 1);
}

static void architectures_and_kernels_select(void **state)
{
	(void)state;
	assert_int_equal(
		rules_of("{\"names\":[\"read\"]," ALLOW ",\"includes\":{\"arches\":[\"amd64\"]}}",
			0),
		1);
	assert_int_equal(
		rules_of("{\"names\":[\"read\"]," ALLOW ",\"includes\":{\"arches\":[\"arm64\"]}}",
			0),
		0);
	assert_int_equal(
		rules_of("{\"names\":[\"read\"]," ALLOW ",\"excludes\":{\"arches\":[\"amd64\"]}}",
			0),
		0);
	assert_int_equal(
		rules_of(
			"{\"names\":[\"read\"]," ALLOW ",\"includes\":{\"minKernel\":\"4.8\"}}", 0),
		1);
	assert_int_equal(
		rules_of("{\"names\":[\"read\"]," ALLOW ",\"includes\":{\"minKernel\":\"5.11\"}}",
			0),
		0);
}

static void two_tests_of_one_argument_are_alternatives(void **state)
{
	const char *one = "{\"names\":[\"read\"]," ALLOW
			  ",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
			  "{\"index\":1,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}";
	const char *two = "{\"names\":[\"read\"]," ALLOW
			  ",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},"
			  "{\"index\":0,\"value\":2,\"op\":\"SCMP_CMP_EQ\"}]}";

	(void)state;
	assert_int_equal(rules_of(one, 0), 1);
	assert_int_equal(rules_of(two, 0), 2);
}

static void a_masked_comparison_has_the_mask_first(void **state)
{
	struct err err = ERR_INIT;
	struct profile p;

	(void)state;
	assert_int_equal(
		parse("{\"defaultAction\":\"SCMP_ACT_KILL\",\"syscalls\":[{\"names\":[\"clone\"]," ALLOW
		      ",\"args\":[{\"index\":0,\"value\":2114060288,\"valueTwo\":7,\"op\":"
		      "\"SCMP_CMP_MASKED_EQ\"}]}]}",
			0, &p, &err),
		0);
	assert_int_equal(p.abi[0].v[0].conds[0].mask, 2114060288);
	assert_int_equal(p.abi[0].v[0].conds[0].value, 7);
	profile_done(&p);
}

static void the_32_bit_abi_comes_only_by_name(void **state)
{
	struct err err = ERR_INIT;
	struct profile p;

	(void)state;
	assert_int_equal(parse("{\"defaultAction\":\"SCMP_ACT_KILL\"}", 0, &p, &err), 0);
	assert_int_equal(p.n_abis, 1);
	assert_int_equal(
		parse("{\"defaultAction\":\"SCMP_ACT_KILL\",\"archMap\":[{\"architecture\":"
		      "\"SCMP_ARCH_X86_64\",\"subArchitectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]}],"
		      "\"syscalls\":[{\"names\":[\"write\"]," ALLOW "}]}",
			0, &p, &err),
		0);
	assert_int_equal(p.n_abis, 2); /* x32 never */
	assert_int_equal(p.abi[1].arch, AUDIT_ARCH_I386);
	assert_int_equal(p.abi[1].v[0].nr, 101);
	profile_done(&p);
}

static void what_is_not_understood_is_an_error(void **state)
{
	static const char *const bad[] = { "[]", "{}", "{\"defaultAction\":\"ALLOW\"}",
		"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerPath\":\"/x\"}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":5000}",
		"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrno\":\"EWHAT\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[7]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":\"SCMP_ACT_KILL\"}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[7]," ALLOW "}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]," ALLOW
		",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]," ALLOW
		",\"args\":[{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_ABOUT\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]," ALLOW
		",\"args\":[{\"index\":0,\"value\":\"1\",\"op\":\"SCMP_CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]," ALLOW
		",\"includes\":{\"caps\":[\"CAP_FLY\"]}}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]," ALLOW
		",\"includes\":{\"minKernel\":\"new\"}}]}" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err err = ERR_INIT;
		struct profile p;
		if (parse(bad[i], 0, &p, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i]);
	}
}

TEST_MAIN(cmocka_unit_test(the_default_action_and_its_errno_are_read),
	cmocka_unit_test(unknown_names_are_skipped),
	cmocka_unit_test(includes_need_all_capabilities_and_excludes_any),
	cmocka_unit_test(architectures_and_kernels_select),
	cmocka_unit_test(two_tests_of_one_argument_are_alternatives),
	cmocka_unit_test(a_masked_comparison_has_the_mask_first),
	cmocka_unit_test(the_32_bit_abi_comes_only_by_name),
	cmocka_unit_test(what_is_not_understood_is_an_error))
