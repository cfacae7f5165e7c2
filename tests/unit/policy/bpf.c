/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter compiler against a plain reading of the rules: every compiled program is run by a small
 * interpreter of classic BPF and compared with an evaluation that walks the rules one by one.
 */
#include "harness.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "policy/bpf.h"
#include "policy/profile.h"

#define ARCH    AUDIT_ARCH_X86_64
#define ENOSYS_ (SECCOMP_RET_ERRNO | ENOSYS)
#define EPERM_  (SECCOMP_RET_ERRNO | EPERM)

/* What the kernel does with a filter; fails the test on anything its verifier would refuse. */
static uint32_t run(const struct sock_filter *prog, size_t n, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *in = &prog[pc];
		bool yes = false;
		switch (in->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			assert_true(in->k % 4 == 0 && in->k + 4 <= sizeof(*data));
			memcpy(&a, (const char *)data + in->k, 4);
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= in->k;
			continue;
		case BPF_RET | BPF_K:
			return in->k;
		case BPF_JMP | BPF_JA:
			pc += in->k;
			continue;
		case BPF_JMP | BPF_JEQ | BPF_K:
			yes = a == in->k;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			yes = a > in->k;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			yes = a >= in->k;
			break;
		default:
			fail_msg("instruction %zu has code %#x", pc, in->code);
		}
		pc += yes ? in->jt : in->jf;
	}
	fail_msg("ran off the end");
	return 0;
}

static bool holds(const struct cond *c, uint64_t arg)
{
	switch (c->op) {
	case COND_EQ:
		return arg == c->value;
	case COND_NE:
		return arg != c->value;
	case COND_LT:
		return arg < c->value;
	case COND_LE:
		return arg <= c->value;
	case COND_GT:
		return arg > c->value;
	case COND_GE:
		return arg >= c->value;
	case COND_MASKED_EQ:
		return (arg & c->mask) == c->value;
	}
	return false;
}

/* The documented meaning, without any cleverness. */
static uint32_t reference(const struct profile *profile, const struct seccomp_data *data)
{
	const struct rules *abi = &profile->abi[0];
	uint32_t plain = profile->default_action;
	bool any = false;

	if (data->arch != abi->arch || (uint32_t)data->nr >= 0x40000000u)
		return profile_severity(plain) > profile_severity(ENOSYS_) ? plain : ENOSYS_;
	for (size_t i = 0; i < abi->n; i++) {
		const struct rule *rule = &abi->v[i];
		bool all = rule->n_conds > 0;
		if (rule->nr != (uint32_t)data->nr)
			continue;
		for (unsigned k = 0; k < rule->n_conds; k++)
			all &= holds(&rule->conds[k], data->args[rule->conds[k].arg]);
		if (all)
			return rule->action;
		if (rule->n_conds)
			continue;
		if (!any || profile_severity(rule->action) > profile_severity(plain))
			plain = rule->action;
		any = true;
	}
	return plain;
}

static void compare(const struct profile *profile, const uint64_t *values, size_t n_values)
{
	struct sock_filter *prog = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(bpf_compile(profile, &prog, &n, &err), 0);
	for (int nr = -1; nr < 520; nr++)
		for (size_t v = 0; v < n_values; v++) {
			struct seccomp_data data = { .nr = nr, .arch = profile->abi[0].arch };
			for (int i = 0; i < 6; i++)
				data.args[i] = values[(v + (size_t)i * 3) % n_values];
			uint32_t want = reference(profile, &data), got = run(prog, n, &data);
			if (want != got)
				fail_msg("call %d, argument %#llx: want %#x, got %#x", nr,
					(unsigned long long)values[v], want, got);
			data.nr = nr | 0x40000000; /* x32 */
			assert_int_equal(run(prog, n, &data), reference(profile, &data));
			data.arch = AUDIT_ARCH_I386;
			assert_int_equal(run(prog, n, &data), reference(profile, &data));
		}
	free(prog);
}

static const uint64_t interesting[] = { 0, 1, 2, 40, 41, 0x5412, 0x100005412, 0xffffffff,
	0x100000000, 0x100000001, 0x8000000000000000, UINT64_MAX, 0x7e020000, 0xffffffff00000028 };

static void every_comparison_sees_all_64_bits(void **state)
{
	(void)state;
	for (int op = COND_EQ; op <= COND_MASKED_EQ; op++)
		for (size_t i = 0; i < sizeof(interesting) / sizeof(*interesting); i++) {
			struct rule rule = { .nr = 7, .action = SECCOMP_RET_ALLOW, .n_conds = 1 };
			rule.conds[0] = (struct cond){ .arg = 2,
				.op = (enum cond_op)op,
				.value = interesting[i],
				.mask = interesting[i] | 1 };
			struct profile profile = { .default_action = EPERM_, .n_abis = 1 };
			profile.abi[0] = (struct rules){ .arch = ARCH, .v = &rule, .n = 1 };
			compare(&profile, interesting, sizeof(interesting) / sizeof(*interesting));
		}
}

static void a_masked_rule_ignores_the_high_half(void **state)
{
	struct rule rules[] = {
		{ .nr = 16,
			.action = EPERM_,
			.n_conds = 1,
			.conds = { { .arg = 1,
				.op = COND_MASKED_EQ,
				.mask = 0xffffffff,
				.value = 0x5412 } } },
		{ .nr = 16, .action = SECCOMP_RET_ALLOW },
	};
	struct profile profile = { .default_action = ENOSYS_, .n_abis = 1 };
	struct seccomp_data data = { .nr = 16, .arch = ARCH };
	struct sock_filter *prog = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	profile.abi[0] = (struct rules){ .arch = ARCH, .v = rules, .n = 2 };
	assert_int_equal(bpf_compile(&profile, &prog, &n, &err), 0);
	data.args[1] = 0x100005412;
	assert_int_equal(run(prog, n, &data), EPERM_);
	data.args[1] = 0x100005413;
	assert_int_equal(run(prog, n, &data), SECCOMP_RET_ALLOW);
	free(prog);
}

/* Deterministic, so that a failure can be repeated. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void random_profiles_mean_what_they_say(void **state)
{
	static const uint32_t actions[] = { SECCOMP_RET_ALLOW, EPERM_, ENOSYS_,
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRAP, SECCOMP_RET_LOG };
	struct rule rules[700];
	uint32_t seed = 20;

	(void)state;
	for (int round = 0; round < 60; round++) {
		size_t n = next_random(&seed) % 300;
		for (size_t i = 0; i < n; i++) {
			struct rule *rule = &rules[i];
			*rule = (struct rule){ .nr = next_random(&seed) % 500,
				.action = actions[next_random(&seed) % 6],
				.n_conds = next_random(&seed) % 4 ? 0 : next_random(&seed) % 7 };
			for (unsigned k = 0; k < rule->n_conds; k++)
				rule->conds[k] = (struct cond){ .arg = next_random(&seed) % 6,
					.op = (enum cond_op)(next_random(&seed) % 7),
					.value = interesting[next_random(&seed) % 14],
					.mask = interesting[next_random(&seed) % 14] };
		}
		struct profile profile = { .default_action = actions[round % 6], .n_abis = 1 };
		profile.abi[0] = (struct rules){ .arch = ARCH, .v = rules, .n = n };
		compare(&profile, interesting, 14);
	}
}

static void calls_of_one_verdict_share_a_leaf(void **state)
{
	struct rule rules[400];
	struct profile profile = { .default_action = ENOSYS_, .n_abis = 1 };
	struct sock_filter *prog = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		rules[i] = (struct rule){ .nr = 399 - i, .action = SECCOMP_RET_ALLOW };
	profile.abi[0] = (struct rules){ .arch = ARCH, .v = rules, .n = 400 };
	assert_int_equal(bpf_compile(&profile, &prog, &n, &err), 0);
	assert_true(n <= 10);
	free(prog);
}

static void both_abis_are_told_apart(void **state)
{
	struct rule wide = { .nr = 5, .action = SECCOMP_RET_ALLOW };
	struct rule narrow = { .nr = 6, .action = SECCOMP_RET_ALLOW };
	struct profile profile = { .default_action = EPERM_, .n_abis = 2 };
	struct sock_filter *prog = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	profile.abi[0] = (struct rules){ .arch = ARCH, .v = &wide, .n = 1 };
	profile.abi[1] = (struct rules){ .arch = AUDIT_ARCH_I386, .v = &narrow, .n = 1 };
	assert_int_equal(bpf_compile(&profile, &prog, &n, &err), 0);
	for (int nr = 5; nr <= 6; nr++) {
		struct seccomp_data data = { .nr = nr, .arch = ARCH };
		assert_int_equal(run(prog, n, &data), nr == 5 ? SECCOMP_RET_ALLOW : EPERM_);
		data.arch = AUDIT_ARCH_I386;
		assert_int_equal(run(prog, n, &data), nr == 6 ? SECCOMP_RET_ALLOW : EPERM_);
		data.arch = AUDIT_ARCH_ARM;
		assert_int_equal(run(prog, n, &data), ENOSYS_);
	}
	free(prog);
}

static void a_permissive_default_does_not_open_other_abis(void **state)
{
	struct profile profile = { .default_action = SECCOMP_RET_ALLOW, .n_abis = 1 };

	(void)state;
	profile.abi[0] = (struct rules){ .arch = ARCH };
	compare(&profile, interesting,
		1); /* x32 and i386 are in it, with ENOSYS as the reference */
}

static void too_large_a_profile_is_refused(void **state)
{
	struct rule *rules = calloc(2000, sizeof(*rules));
	struct profile profile = { .default_action = ENOSYS_, .n_abis = 1 };
	struct sock_filter *prog = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	(void)state;
	assert_non_null(rules);
	for (unsigned i = 0; i < 2000; i++)
		rules[i] = (struct rule){ .nr = i / 4,
			.action = EPERM_,
			.n_conds = 1,
			.conds = { { .arg = 0, .op = COND_GT, .value = i } } };
	profile.abi[0] = (struct rules){ .arch = ARCH, .v = rules, .n = 2000 };
	assert_int_equal(bpf_compile(&profile, &prog, &n, &err), -E2BIG);
	assert_null(prog);
	assert_non_null(strstr(err.text, "4096"));
	free(rules);
}

TEST_MAIN(cmocka_unit_test(every_comparison_sees_all_64_bits),
	cmocka_unit_test(a_masked_rule_ignores_the_high_half),
	cmocka_unit_test(random_profiles_mean_what_they_say),
	cmocka_unit_test(calls_of_one_verdict_share_a_leaf),
	cmocka_unit_test(both_abis_are_told_apart),
	cmocka_unit_test(a_permissive_default_does_not_open_other_abis),
	cmocka_unit_test(too_large_a_profile_is_refused))
