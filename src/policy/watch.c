/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter that hands some of its verdicts to user space. Jumps in BPF go forward by a distance, so
 * instructions in front leave the rest as it is, and verdicts are changed where they stand.
 */
#include "policy/policy.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "base/sys.h"
#include "base/xalloc.h"

#define NR   offsetof(struct seccomp_data, nr)
#define ARCH offsetof(struct seccomp_data, arch)

/* Learning asks about everything that passes; a report about what is refused on purpose. */
static bool is_asked(uint32_t verdict, enum policy_watch how)
{
	return how == POLICY_WATCH_LEARN ? verdict == SECCOMP_RET_ALLOW
					 : verdict == (SECCOMP_RET_ERRNO | EPERM);
}

static void hand_over(struct sock_filter *at, size_t n, enum policy_watch how)
{
	for (; n-- > 0; at++)
		if (at->code == (BPF_RET | BPF_K) && is_asked(at->k, how))
			at->k = SECCOMP_RET_USER_NOTIF;
}

/* Behind the front comes the filter; for a report once more behind that, for execve, which is told of
 * where it passes and refused where it is refused. Other ABIs number their calls otherwise. */
int policy_watch(struct policy *policy, enum policy_watch how, struct err *err)
{
	const struct sock_filter open = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_filter *rest = policy->filter ? policy->filter : &open;
	const size_t n = policy->filter ? policy->filter_len : 1;
	const size_t twice = how == POLICY_WATCH_REPORT ? n : 0;
	const struct sock_filter front[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARCH),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sys_audit_arch(), 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, NR),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
		BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)twice),
	};
	struct sock_filter *all, *behind;

	if (n + twice + ARRAY_SIZE(front) > BPF_MAXINSNS)
		return err_set(err, -E2BIG, "the seccomp filter is too long to be watched");
	all = xcalloc(n + twice + ARRAY_SIZE(front), sizeof(*all));
	behind = all + ARRAY_SIZE(front);
	memcpy(all, front, sizeof(front));
	memcpy(behind, rest, n * sizeof(*all));
	memcpy(behind + n, rest, twice * sizeof(*all));
	hand_over(behind, n, how);
	hand_over(behind + n, twice, POLICY_WATCH_LEARN); /* what passes */
	free(policy->watched);
	policy->watched = all;
	policy->watched_len = (unsigned short)(n + twice + ARRAY_SIZE(front));
	policy->watch = how;
	return 0;
}
