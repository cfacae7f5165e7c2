/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy takes hold, in the child, right before execve.
 *
 * A filter without no_new_privs can only be loaded with CAP_SYS_ADMIN. So that nothing but execve has to
 * be possible under the filter, that capability outlives the others by one step: it stays permitted
 * until execve, which computes the final sets from the bounding set, where it no longer is
 * (capabilities(7): for uid 0 permitted becomes bounding, for others empty).
 */
#include "policy/policy.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "base/own.h"
#include "base/sys.h"
#include "policy/caps.h"

/* KEEPCAPS doubles as the note that the filter is still to come and needs CAP_SYS_ADMIN. */
static int set_pending(bool pending, struct err *err)
{
	if (prctl(PR_SET_KEEPCAPS, pending, 0, 0, 0) < 0)
		return err_sys(err, "keep capabilities over setuid");
	return 0;
}

int policy_apply_bounding(const struct policy *policy, struct err *err)
{
	for (unsigned cap = 0; cap < 64; cap++) {
		if (policy->caps & CAPS_BIT(cap))
			continue;
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL && cap > CAP_CHECKPOINT_RESTORE - 10)
			break; /* past the kernel's last one */
		return err_sys(err, "drop capability %u from the bounding set", cap);
	}
	return set_pending((policy->filter || policy->watched) && !policy->no_new_privs, err);
}

static int held_caps(uint64_t *ret, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (sys_capget(&head, data) < 0)
		return err_sys(err, "capget");
	*ret = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	return 0;
}

int policy_apply_caps(const struct policy *policy, uid_t uid, struct err *err)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	uint64_t caps = uid == 0 ? policy->caps : 0, held = 0;

	if (prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1)
		caps |= CAPS_BIT(CAP_SYS_ADMIN);
	TRY(held_caps(&held, err));
	caps &= held;
	const struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)caps, .permitted = (uint32_t)caps },
		{ .effective = (uint32_t)(caps >> 32), .permitted = (uint32_t)(caps >> 32) },
	};
	if (sys_capset(&head, data) < 0)
		return err_sys(err, "capset");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, "clear ambient capabilities");
	return 0;
}

static int get_ready(const struct policy *policy, struct err *err)
{
	if (policy->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "set no_new_privs");
	return set_pending(false, err);
}

int policy_apply_seccomp(const struct policy *policy, struct err *err)
{
	const struct sock_fprog prog = { .len = policy->filter_len, .filter = policy->filter };

	TRY(get_ready(policy, err));
	if (policy->filter && sys_seccomp_filter(&prog, 0) < 0)
		return err_sys(err, "load the seccomp filter");
	return 0;
}

int policy_apply_watched(const struct policy *policy, struct err *err)
{
	const struct sock_fprog prog = { .len = policy->watched_len, .filter = policy->watched };
	int listener;

	TRY(get_ready(policy, err));
	listener = sys_seccomp_filter(&prog, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	return listener < 0 ? err_sys(err, "load the watched seccomp filter (Linux 5.5 or later)")
			    : listener;
}
