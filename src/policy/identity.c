/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For containers with a single id: a filter that hands calls about who one is, and about owners, to the supervisor
 * (process/identity_serve.c). Files that are made are told of too, because they belong to whom the process is said
 * to be. Instructions in front choose those calls; behind them the policy's filter stands twice: as it is for all
 * others, and for these with USER_NOTIF where it lets them pass. What it refuses stays refused.
 */
#include "policy/policy.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/xalloc.h"

#define ASKED    UINT32_MAX /* a jump yet without a distance: to the second filter */
#define FIELD(f) ((unsigned)offsetof(struct seccomp_data, f))

static const unsigned asked[] = {
#ifdef SYS_chown
	SYS_chown,
	SYS_lchown,
	SYS_stat,
	SYS_lstat,
	SYS_creat,
	SYS_mkdir,
#endif
	SYS_fchown,
	SYS_fchownat,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_mkdirat,
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
	SYS_setfsuid,
	SYS_setfsgid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getresuid,
	SYS_getresgid,
	SYS_getgroups,
	SYS_execve,
	SYS_execveat,
};

struct program {
	struct sock_filter code[128];
	unsigned short n;
};

static void put(struct program *p, struct sock_filter instruction)
{
	p->code[p->n++] = instruction;
}

static void put_load(struct program *p, unsigned offset)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

/* Only with this bit in the low half of an argument: little-endian, it comes first. */
static void put_flagged(struct program *p, unsigned call, unsigned argument, unsigned bit)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4));
	put_load(p, FIELD(args) + 8 * argument);
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bit, 0, 1));
	put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, ASKED));
	put_load(p, FIELD(nr)); /* for what follows */
}

/* prctl(PR_SET_KEEPCAPS): rights outlive the next change of ids. */
static void put_keepcaps(struct program *p)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 4));
	put_load(p, FIELD(args));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_KEEPCAPS, 0, 1));
	put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, ASKED));
	put_load(p, FIELD(nr)); /* for what follows */
}

/* mknod of a device, which no capability here would make; fifos and files are made. MKNOD is not among the default
 * capabilities, and what comes of it is a file that says it is a device: it goes with the right to give files away. */
static void put_device(struct program *p, unsigned call, unsigned argument)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 6));
	put_load(p, FIELD(args) + 8 * argument);
	put(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 1, 0));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFBLK, 0, 1));
	put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, ASKED));
	put_load(p, FIELD(nr)); /* for what follows */
}

/* Without the capability that it takes in the kernel no change is answered for. */
static bool is_allowed(const struct policy *policy, unsigned call)
{
	unsigned needs;

	switch (call) {
#ifdef SYS_chown
	case SYS_chown:
	case SYS_lchown:
#endif
	case SYS_fchown:
	case SYS_fchownat:
		needs = CAP_CHOWN;
		break;
	case SYS_setuid:
	case SYS_setreuid:
	case SYS_setresuid:
	case SYS_setfsuid:
		needs = CAP_SETUID;
		break;
	case SYS_setgid:
	case SYS_setregid:
	case SYS_setresgid:
	case SYS_setfsgid:
	case SYS_setgroups:
		needs = CAP_SETGID;
		break;
	default:
		return true;
	}
	return policy->caps >> needs & 1;
}

static void write_program(struct program *p, const struct policy *policy, size_t filter_len)
{
	size_t at;

	put_load(p, FIELD(arch));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sys_audit_arch(), 1, 0));
	at = p->n;
	put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0)); /* another ABI: to the end */
	put_load(p, FIELD(nr));
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++) {
		if (!is_allowed(policy, asked[i]))
			continue;
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, asked[i], 0, 1));
		put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, ASKED));
	}
#ifdef SYS_open
	put_flagged(p, SYS_open, 1, O_CREAT);
	if (is_allowed(policy, SYS_fchownat))
		put_device(p, SYS_mknod, 1);
#endif
	put_flagged(p, SYS_openat, 2, O_CREAT);
	if (is_allowed(policy, SYS_fchownat))
		put_device(p, SYS_mknodat, 2);
	put_keepcaps(p);
	p->code[at].k = (unsigned)(p->n - at - 1);
	for (size_t i = 0; i < p->n; i++)
		if (p->code[i].code == (BPF_JMP | BPF_JA) && p->code[i].k == ASKED)
			p->code[i].k = (unsigned)(p->n - i - 1 + filter_len);
}

/* user_notif is Linux 5.0; that a call may go on is 5.5 and cannot be asked for, openat2 came with 5.6.
 * RLIMIT_LOCKS is where the supervisor keeps its numbers. */
bool policy_can_answer(void)
{
	struct open_how how = { .flags = O_PATH };
	struct err ignored = ERR_INIT;
	autofree char *actions = NULL;
	autofd int fd = sys_openat2(AT_FDCWD, "/", &how);
	struct rlimit locks;

	return fd >= 0 && getrlimit(RLIMIT_LOCKS, &locks) == 0 && locks.rlim_max == RLIM_INFINITY &&
	       fs_read_at(AT_FDCWD, "/proc/sys/kernel/seccomp/actions_avail", 4096, &actions, NULL,
		       &ignored) == 0 &&
	       strstr(actions, "user_notif");
}

void policy_identity(struct policy *policy)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_filter *rest = policy->filter ? policy->filter : &allow;
	size_t n = policy->filter ? policy->filter_len : 1;
	struct program p = { .n = 0 };
	struct sock_filter *all;

	write_program(&p, policy, n);
	if (p.n + 2 * n > BPF_MAXINSNS)
		return;
	all = xcalloc(p.n + 2 * n, sizeof(*all));
	memcpy(all, p.code, p.n * sizeof(*all));
	memcpy(all + p.n, rest, n * sizeof(*all));
	memcpy(all + p.n + n, rest, n * sizeof(*all));
	for (struct sock_filter *in = all + p.n + n; in < all + p.n + 2 * n; in++)
		if (in->code == (BPF_RET | BPF_K) && in->k == SECCOMP_RET_ALLOW)
			in->k = SECCOMP_RET_USER_NOTIF;
	free(policy->watched);
	policy->watched = all;
	policy->watched_len = (unsigned short)(p.n + 2 * n);
	policy->watch = POLICY_WATCH_IDENTITY;
}
