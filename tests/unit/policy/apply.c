/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy in force: capabilities after execve, and system calls really made under the default
 * filter in a user namespace (threats X05, X07, X09 to X13).
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/userns.h"
#include "policy/policy.h"

enum verdict { ALLOWED = 0 }; /* else an errno */

struct attempt {
	const char *what;
	long nr;
	long args[4];
	int want;
};

#define HIGH 0x100000000L

static const struct attempt attempts[] = {
	{ "TIOCSTI", SYS_ioctl, { -1, 0x5412 }, EPERM },
	{ "TIOCSTI with high bits", SYS_ioctl, { -1, HIGH | 0x5412 }, EPERM },
	{ "TIOCLINUX", SYS_ioctl, { -1, 0x541c }, EPERM },
	{ "TIOCLINUX with high bits", SYS_ioctl, { -1, (long)0xdead00000000541cUL }, EPERM },
	{ "TIOCGWINSZ", SYS_ioctl, { -1, TIOCGWINSZ }, ALLOWED },
	{ "AF_UNIX", SYS_socket, { AF_UNIX, SOCK_STREAM }, ALLOWED },
	{ "AF_INET", SYS_socket, { AF_INET, SOCK_STREAM }, ALLOWED },
	{ "AF_INET6", SYS_socket, { AF_INET6, SOCK_STREAM }, ALLOWED },
	{ "AF_NETLINK route", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 }, ALLOWED },
	{ "AF_NETLINK audit", SYS_socket, { AF_NETLINK, SOCK_RAW, 9 }, EINVAL },
	{ "AF_NETLINK crypto", SYS_socket, { AF_NETLINK, SOCK_RAW, 21 }, EPROTONOSUPPORT },
	{ "AF_PACKET", SYS_socket, { AF_PACKET, SOCK_RAW }, EPERM },
	{ "AF_ALG", SYS_socket, { 38, SOCK_SEQPACKET }, EAFNOSUPPORT },
	{ "AF_ALG with high bits", SYS_socket, { HIGH | 38, SOCK_SEQPACKET }, EAFNOSUPPORT },
	{ "AF_VSOCK", SYS_socket, { 40, SOCK_STREAM }, EAFNOSUPPORT },
	{ "AF_XDP", SYS_socket, { 44, SOCK_RAW }, EAFNOSUPPORT },
	{ "AF_TIPC", SYS_socket, { 30, SOCK_RAW }, EAFNOSUPPORT },
	{ "AF_RDS", SYS_socket, { 21, SOCK_SEQPACKET }, EAFNOSUPPORT },
	{ "AF_KEY", SYS_socket, { 15, SOCK_RAW, 2 }, EAFNOSUPPORT },
	{ "AF_TIPC socketpair", SYS_socketpair, { 30, SOCK_DGRAM }, EAFNOSUPPORT },
	{ "clone new user namespace", SYS_clone, { CLONE_NEWUSER | 17 }, EPERM },
	{ "clone new cgroup namespace", SYS_clone, { CLONE_NEWCGROUP | 17 }, EPERM },
	{ "clone3", 435, { 0, 0 }, ENOSYS },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER }, EPERM },
	{ "setns", SYS_setns, { -1, 0 }, EPERM },
	{ "mount", SYS_mount, { 0 }, EPERM },
	{ "umount2", SYS_umount2, { 0 }, EPERM },
	{ "pivot_root", SYS_pivot_root, { 0 }, EPERM },
	{ "open_tree", 428, { -1 }, EPERM },
	{ "move_mount", 429, { -1 }, EPERM },
	{ "fsopen", 430, { 0 }, EPERM },
	{ "mount_setattr", 442, { -1 }, EPERM },
	{ "keyctl", SYS_keyctl, { 0 }, EPERM },
	{ "add_key", SYS_add_key, { 0 }, EPERM },
	{ "request_key", SYS_request_key, { 0 }, EPERM },
	{ "bpf", SYS_bpf, { 0 }, EPERM },
	{ "perf_event_open", SYS_perf_event_open, { 0 }, EPERM },
	{ "io_uring_setup", 425, { 1 }, EPERM },
	{ "io_uring_enter", 426, { -1 }, EPERM },
	{ "io_uring_register", 427, { -1 }, EPERM },
	{ "userfaultfd", SYS_userfaultfd, { 0 }, EPERM },
	{ "kexec_load", SYS_kexec_load, { 0 }, EPERM },
	{ "init_module", SYS_init_module, { 0 }, EPERM },
	{ "open_by_handle_at", SYS_open_by_handle_at, { -1 }, EPERM },
	{ "reboot", SYS_reboot, { 0 }, EPERM },
	{ "swapon", SYS_swapon, { 0 }, EPERM },
	{ "settimeofday", SYS_settimeofday, { 0 }, EPERM },
	{ "quotactl", SYS_quotactl, { 0 }, EPERM },
	{ "syslog", SYS_syslog, { 3 }, EPERM },
	{ "acct", SYS_acct, { 0 }, EPERM },
	{ "vhangup", SYS_vhangup, { 0 }, EPERM },
	{ "lookup_dcookie", SYS_lookup_dcookie, { 0 }, EPERM },
	{ "move_pages", SYS_move_pages, { 0 }, EPERM },
	{ "kcmp", SYS_kcmp, { 0 }, EPERM },
	{ "pidfd_getfd", 438, { -1 }, EPERM },
	{ "fanotify_init", SYS_fanotify_init, { 0 }, EPERM },
	{ "sethostname", SYS_sethostname, { 0 }, EPERM },
	{ "personality: ask", SYS_personality, { 0xffffffffL }, ALLOWED },
	{ "personality: READ_IMPLIES_EXEC", SYS_personality, { 0x0400000 }, EPERM },
	{ "lsm_set_self_attr", 460, { 0 }, EPERM },
	{ "open_tree_attr, newer than the policy", 467, { -1 }, ENOSYS },
	{ "a call of the future", 1999, { 0 }, ENOSYS },
	{ "a negative number", -7, { 0 }, ENOSYS },
	{ "getpid", SYS_getpid, { 0 }, ALLOWED },
	{ "openat2", 437, { -1 }, ALLOWED },
	{ "close_range", 436, { 100, 101 }, ALLOWED },
	{ "statx", SYS_statx, { -1 }, ALLOWED },
	{ "ptrace", SYS_ptrace, { 999 }, ALLOWED },
	{ "chroot, which a default capability grants", SYS_chroot, { 0 }, ALLOWED },
};

/* In the namespace, as its root: becomes what a container's process is just before execve. */
static int confine(const struct policy *policy, uid_t uid, struct err *err)
{
	TRY(policy_apply_bounding(policy, err));
	if (uid && setresuid(uid, uid, uid) < 0)
		return err_sys(err, "setresuid");
	TRY(policy_apply_caps(policy, uid, err));
	return policy_apply_seccomp(policy, err);
}

static int in_namespace(userns_fn fn, void *data, struct err *err)
{
	struct idmap map;

	TRY(idmap_detect(&map, err));
	return userns_run(&map, CLONE_NEWNET, fn, data, err);
}

static void plan_default(const char *option, struct policy *policy)
{
	struct globals globals = { 0 };
	struct run_opts opts = { 0 };
	struct err err = ERR_INIT;

	if (option)
		strv_add(&opts.security_opt, option);
	assert_int_equal(policy_plan(&globals, &opts, policy, &err), 0);
	strv_done(&opts.security_opt);
}

static int make_attempts(void *data, struct err *err)
{
	TRY(confine(data, 0, err));
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		const struct attempt *a = &attempts[i];
		errno = 0;
		long r = syscall(a->nr, a->args[0], a->args[1], a->args[2], a->args[3]);
		int got = r < 0 ? errno : 0;
		bool refused = got == EPERM || got == ENOSYS;
		if (a->want == ALLOWED ? refused : got != a->want)
			return err_set(
				err, -EBADE, "%s: want errno %d, got %d", a->what, a->want, got);
	}
	return 0;
}

static void each_call_gets_its_verdict(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	plan_default(NULL, &policy);
	if (in_namespace(make_attempts, &policy, &err) < 0)
		fail_msg("%s", err.text);
	policy_done(&policy);
}

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(nr), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static int use_other_abis(void *data, struct err *err)
{
	static const struct {
		const char *what;
		long nr;
	} narrow[] = { { "getpid", 20 }, { "mount", 21 }, { "keyctl", 288 }, { "socketcall", 102 },
		{ "unshare", 310 }, { "ptrace", 26 }, { "exit", 1 } };

	if (int80(20, 0, 0, 0) <= 0) /* without CONFIG_IA32_EMULATION there is nothing to refuse */
		return 1;
	TRY(confine(data, 0, err));
	for (size_t i = 0; i < ARRAY_SIZE(narrow); i++) {
		long r = int80(narrow[i].nr, 0, 0, 0);
		if (r != -ENOSYS)
			return err_set(err, -EBADE, "int 0x80 %s returned %ld", narrow[i].what, r);
	}
	for (long nr = 0; nr < 550; nr++)
		if (syscall(nr | 0x40000000, 0, 0, 0) != -1 || errno != ENOSYS)
			return err_set(err, -EBADE, "x32 call %ld was not refused", nr);
	return 0;
}

static void other_abis_are_shut(void **state)
{
	struct err err = ERR_INIT;
	struct policy policy;

	(void)state;
	plan_default(NULL, &policy);
	int r = in_namespace(use_other_abis, &policy, &err);
	policy_done(&policy);
	if (r < 0)
		fail_msg("%s", err.text);
	if (r == 1)
		skip();
}
#endif

struct identity {
	const struct policy *policy;
	uid_t uid;
	char text[2048]; /* of /proc/self/status after execve */
	int pipe[2];
};

static int exec_status(void *data, struct err *err)
{
	struct identity *id = data;
	char cat[] = "cat", path[] = "/proc/self/status";
	char *argv[] = { cat, path, NULL }, *envp[] = { NULL };

	if (dup2(id->pipe[1], 1) < 0)
		return err_sys(err, "dup2");
	TRY(confine(id->policy, id->uid, err));
	execve("/bin/cat", argv, envp);
	return err_sys(err, "execve");
}

/* userns_run() reports "ended without a word" for a child that executes: that is the good case. */
static void status_after_exec(struct identity *id)
{
	struct err err = ERR_INIT;
	size_t len = 0;
	ssize_t n;

	assert_int_equal(pipe2(id->pipe, O_CLOEXEC), 0);
	(void)in_namespace(exec_status, id, &err);
	close(id->pipe[1]);
	while ((n = read(id->pipe[0], id->text + len, sizeof(id->text) - 1 - len)) > 0)
		len += (size_t)n;
	id->text[len] = '\0';
	close(id->pipe[0]);
	if (!strstr(id->text, "CapEff"))
		fail_msg("nothing was executed: %s", err.text);
}

static void expect_line(const struct identity *id, const char *line)
{
	if (!strstr(id->text, line))
		fail_msg("no '%s' in %s", line, strstr(id->text, "CapInh"));
}

static void root_has_the_default_capabilities_and_no_more(void **state)
{
	struct policy policy;
	struct identity id = { .policy = &policy };

	(void)state;
	plan_default(NULL, &policy);
	status_after_exec(&id);
	expect_line(&id, "CapInh:\t0000000000000000");
	expect_line(&id, "CapPrm:\t00000000800405fb");
	expect_line(&id, "CapEff:\t00000000800405fb");
	expect_line(&id, "CapBnd:\t00000000800405fb");
	expect_line(&id, "CapAmb:\t0000000000000000");
	expect_line(&id, "NoNewPrivs:\t0");
	expect_line(&id, "Seccomp:\t2");
	policy_done(&policy);
}

static void another_user_has_none(void **state)
{
	struct policy policy;
	struct identity id = { .policy = &policy, .uid = 33 };
	struct err err = ERR_INIT;
	struct idmap map;

	(void)state;
	assert_int_equal(idmap_detect(&map, &err), 0);
	if (idmap_to_host(map.uid, map.n_uid, 33) == UINT32_MAX)
		skip(); /* a single id */
	plan_default(NULL, &policy);
	status_after_exec(&id);
	expect_line(&id, "CapPrm:\t0000000000000000");
	expect_line(&id, "CapEff:\t0000000000000000");
	expect_line(&id, "CapBnd:\t00000000800405fb");
	expect_line(&id, "CapAmb:\t0000000000000000");
	expect_line(&id, "Seccomp:\t2");
	policy_done(&policy);
}

static void no_new_privileges_is_set_when_asked(void **state)
{
	struct policy policy;
	struct identity id = { .policy = &policy };

	(void)state;
	plan_default("no-new-privileges", &policy);
	status_after_exec(&id);
	expect_line(&id, "NoNewPrivs:\t1");
	expect_line(&id, "CapEff:\t00000000800405fb");
	expect_line(&id, "Seccomp:\t2");
	policy_done(&policy);
}

static void unconfined_has_capabilities_but_no_filter(void **state)
{
	struct policy policy;
	struct identity id = { .policy = &policy };

	(void)state;
	plan_default("seccomp=unconfined", &policy);
	status_after_exec(&id);
	expect_line(&id, "CapEff:\t00000000800405fb");
	expect_line(&id, "Seccomp:\t0");
	policy_done(&policy);
}

TEST_MAIN(cmocka_unit_test(each_call_gets_its_verdict),
#ifdef __x86_64__
	cmocka_unit_test(other_abis_are_shut),
#endif
	cmocka_unit_test(root_has_the_default_capabilities_and_no_more),
	cmocka_unit_test(another_user_has_none),
	cmocka_unit_test(no_new_privileges_is_set_when_asked),
	cmocka_unit_test(unconfined_has_capabilities_but_no_filter))
