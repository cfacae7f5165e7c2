/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deny NAME... -- COMMAND [ARG...]
 *
 * Runs a command with the named features answering as a kernel without them would, so that each
 * fallback of the product is exercised on a kernel that needs none. Most names are system calls and
 * answer ENOSYS. Three are features of calls that must keep working otherwise:
 *
 *	setns-pidfd     setns() with more than one CLONE_NEW* bit: EINVAL, as before Linux 5.8 where
 *	                only one namespace by its own descriptor could be joined
 *	overlay         fsopen("overlay") cannot be told apart by a filter, so fsopen is ENOSYS and
 *	                mount() from an unprivileged namespace is left alone; use it with
 *	                SBX_STORAGE_DRIVER=fuse
 *	mount-api       fsopen fsconfig fsmount move_mount open_tree mount_setattr together
 *
 * The filter is inherited by everything below. It does not stop 32-bit calls: it is for tests, not
 * for defence. Exit status: the command's, 125 for its own errors.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_CALLS 32

struct name {
	const char *name;
	int calls[8]; /* ends with 0: read(2) on x86-64, which nobody denies */
};

static const struct name names[] = {
	{ "openat2", { SYS_openat2 } },
	{ "clone3", { SYS_clone3 } },
	{ "open_tree", { SYS_open_tree } },
	{ "close_range", { SYS_close_range } },
	{ "pidfd_open", { SYS_pidfd_open } },
	{ "pidfd_send_signal", { SYS_pidfd_send_signal } },
	{ "mount_setattr", { SYS_mount_setattr } },
	{ "keyctl", { SYS_keyctl } },
	{ "copy_file_range", { SYS_copy_file_range } },
	{ "faccessat2", { SYS_faccessat2 } },
	{ "landlock", { 444, 445, 446 } },
	{ "overlay", { SYS_fsopen } },
	{ "mount-api", { SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_move_mount, SYS_open_tree,
			       SYS_mount_setattr } },
};

struct filter {
	struct sock_filter code[4 + 4 * MAX_CALLS + 8];
	unsigned short len;
};

static void add(struct filter *f, struct sock_filter op)
{
	if (f->len == sizeof(f->code) / sizeof(*f->code)) {
		fprintf(stderr, "deny: too many names\n");
		exit(125);
	}
	f->code[f->len++] = op;
}

static void add_call(struct filter *f, int number, int err)
{
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1));
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)err));
}

/* setns with a set of namespaces: exactly one of the bits is what old kernels know. */
static void add_setns_pidfd(struct filter *f)
{
	static const unsigned single[] = { 0, CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID,
		CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP };
	unsigned n = sizeof(single) / sizeof(*single);

	/* not setns: skip over the load, the comparisons and the verdict */
	add(f, (struct sock_filter)BPF_JUMP(
		       BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 0, (unsigned char)(n + 2)));
	add(f, (struct sock_filter)BPF_STMT(
		       BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])));
	for (unsigned i = 0; i < n; i++)
		add(f, (struct sock_filter)BPF_JUMP(
			       BPF_JMP | BPF_JEQ | BPF_K, single[i], (unsigned char)(n - i), 0));
	add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL));
	add(f, (struct sock_filter)BPF_STMT(
		       BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
}

static int add_name(struct filter *f, const char *wanted)
{
	if (strcmp(wanted, "setns-pidfd") == 0) {
		add_setns_pidfd(f);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strcmp(names[i].name, wanted) != 0)
			continue;
		for (const int *call = names[i].calls; *call; call++)
			add_call(f, *call, ENOSYS);
		return 0;
	}
	fprintf(stderr, "deny: unknown name '%s'\n", wanted);
	return -1;
}

int main(int argc, char **argv)
{
	struct filter f = { .len = 0 };
	struct sock_fprog prog;
	int i = 1;

	add(&f, (struct sock_filter)BPF_STMT(
			BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (add_name(&f, argv[i]) < 0)
			return 125;
	}
	if (i == 1 || i + 1 >= argc) {
		fprintf(stderr, "usage: deny NAME... -- COMMAND [ARG...]\n");
		return 125;
	}
	add(&f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	prog = (struct sock_fprog){ .len = f.len, .filter = f.code };
	/* Real root may install it without no_new_privs; the others need it, and lose newuidmap. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0 &&
		(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)) {
		perror("deny: seccomp");
		return 125;
	}
	execvp(argv[i + 1], argv + i + 1);
	fprintf(stderr, "deny: %s: %s\n", argv[i + 1], strerror(errno));
	return 125;
}
