/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a watched filter says to each call, found by running it here: loaded, its verdicts would wait for
 * somebody who answers. tests/system/test_report.py has the rest.
 */
#include "harness.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "base/sys.h"
#include "policy/policy.h"

#define EPERM_VERDICT (SECCOMP_RET_ERRNO | EPERM)

/* As much of BPF as filters use. */
static uint32_t verdict(const struct policy *policy, uint32_t arch, int nr)
{
	const struct seccomp_data data = { .nr = nr, .arch = arch };
	uint32_t a = 0;

	for (size_t pc = 0; pc < policy->watched_len; pc++) {
		const struct sock_filter *at = &policy->watched[pc];
		bool yes = BPF_OP(at->code) == BPF_JEQ   ? a == at->k
			   : BPF_OP(at->code) == BPF_JGE ? a >= at->k
			   : BPF_OP(at->code) == BPF_JGT ? a > at->k
							 : (a & at->k) != 0;

		switch (BPF_CLASS(at->code)) {
		case BPF_LD:
			memcpy(&a, (const char *)&data + at->k, sizeof(a));
			break;
		case BPF_ALU:
			assert_int_equal(BPF_OP(at->code), BPF_AND);
			a &= at->k;
			break;
		case BPF_JMP:
			pc += BPF_OP(at->code) == BPF_JA ? at->k : yes ? at->jt : at->jf;
			break;
		default:
			assert_int_equal(BPF_CLASS(at->code), BPF_RET);
			return at->k;
		}
	}
	fail_msg("the filter has no end");
	return 0;
}

static uint32_t ask(const struct policy *policy, int nr)
{
	return verdict(policy, sys_audit_arch(), nr);
}

/* Refuses mkdirat, sendmsg and, when asked, execve; lets the rest pass. */
static void make(struct policy *policy, bool without_execve, enum policy_watch how)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendmsg, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, without_execve ? SYS_execve : 0xfff, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, EPERM_VERDICT),
	};
	struct policy plain = { .filter = code, .filter_len = ARRAY_SIZE(code) };
	struct err err = ERR_INIT;

	plain.caps = ~(uint64_t)0;
	if (how == POLICY_WATCH_IDENTITY)
		policy_identity(&plain);
	else
		assert_int_equal(policy_watch(&plain, how, &err), 0);
	*policy = plain;
	policy->filter = NULL; /* on this stack */
	policy->filter_len = 0;
}

static void a_report_hears_of_refusals_and_of_execve(void **state)
{
	struct policy policy;

	(void)state;
	make(&policy, false, POLICY_WATCH_REPORT);
	assert_int_equal(ask(&policy, SYS_execve), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_mkdirat), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_openat), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&policy, 0, SYS_openat), SECCOMP_RET_ALLOW);
	policy_done(&policy);
}

static void nothing_passes_because_it_is_watched(void **state)
{
	struct policy policy;

	(void)state;
	make(&policy, true, POLICY_WATCH_REPORT);
	assert_int_equal(ask(&policy, SYS_sendmsg), SECCOMP_RET_USER_NOTIF); /* who refuses it */
	assert_int_equal(ask(&policy, SYS_execve), EPERM_VERDICT);
	policy_done(&policy);
	make(&policy, true, POLICY_WATCH_LEARN);
	assert_int_equal(ask(&policy, SYS_sendmsg), EPERM_VERDICT);
	policy_done(&policy);
}

static void learning_hears_of_all_that_passes(void **state)
{
	struct policy policy;

	(void)state;
	make(&policy, false, POLICY_WATCH_LEARN);
	assert_int_equal(ask(&policy, SYS_openat), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_execve), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_mkdirat), EPERM_VERDICT);
	policy_done(&policy);
}

static void without_a_filter_everything_is_heard_of_that_is_asked(void **state)
{
	struct policy policy = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(policy_watch(&policy, POLICY_WATCH_REPORT, &err), 0);
	assert_int_equal(ask(&policy, SYS_sendmsg), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&policy, SYS_execve), SECCOMP_RET_USER_NOTIF);
	policy_done(&policy);
}

static void a_supervisor_is_asked_about_nothing_that_is_refused(void **state)
{
	struct policy policy;

	(void)state;
	make(&policy, false, POLICY_WATCH_IDENTITY);
	assert_int_equal(ask(&policy, SYS_setuid), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_fchownat), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_execve), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_mkdirat), EPERM_VERDICT);
	assert_int_equal(ask(&policy, SYS_sendmsg), EPERM_VERDICT);
	assert_int_equal(ask(&policy, SYS_openat), SECCOMP_RET_ALLOW); /* nothing is made */
	assert_int_equal(ask(&policy, SYS_prctl), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&policy, 0, SYS_setuid), SECCOMP_RET_ALLOW);
	policy_done(&policy);
	make(&policy, true, POLICY_WATCH_IDENTITY);
	assert_int_equal(ask(&policy, SYS_execve), EPERM_VERDICT);
	policy_done(&policy);
}

static void a_supervisor_gives_nothing_that_takes_a_capability(void **state)
{
	struct policy policy = { .caps = ~((uint64_t)1 << CAP_CHOWN | (uint64_t)1 << CAP_SETGID) };

	(void)state;
	policy_identity(&policy);
	assert_int_equal(ask(&policy, SYS_fchown), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&policy, SYS_setgroups), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(&policy, SYS_setuid), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(ask(&policy, SYS_fstat), SECCOMP_RET_USER_NOTIF);
	policy_done(&policy);
}

TEST_MAIN(cmocka_unit_test(a_report_hears_of_refusals_and_of_execve),
	cmocka_unit_test(nothing_passes_because_it_is_watched),
	cmocka_unit_test(learning_hears_of_all_that_passes),
	cmocka_unit_test(without_a_filter_everything_is_heard_of_that_is_asked),
	cmocka_unit_test(a_supervisor_is_asked_about_nothing_that_is_refused),
	cmocka_unit_test(a_supervisor_gives_nothing_that_takes_a_capability))
