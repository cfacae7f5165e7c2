/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For builds with a single id on kernels where no supervisor can answer (policy_can_answer()): calls that change
 * owners or users are answered as done, by instructions in front of the policy's filter. Installers (dpkg, rpm,
 * apk, tar) then work, and what they unpack belongs to root. Nothing is allowed that was refused before: the
 * calls are not made at all. Making devices is answered the same way; getuid() and its like tell the truth, so a
 * program that checks is not deceived.
 */
#include "policy/policy.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "base/sys.h"
#include "base/xalloc.h"

#define DONE     (SECCOMP_RET_ERRNO | 0)

#define FIELD(f) ((unsigned)offsetof(struct seccomp_data, f))

static const unsigned answered[] = {
#ifdef SYS_chown
	SYS_chown,
	SYS_lchown,
#endif
	SYS_fchown,
	SYS_fchownat,
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
	SYS_setfsuid,
	SYS_setfsgid,
};

struct program {
	struct sock_filter code[64];
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

/* mknod and mknodat of a device, whose mode is this argument; fifos and files are made. */
static void put_device(struct program *p, unsigned call, unsigned argument)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 6));
	put_load(p, FIELD(args) + 8 * argument);
	put(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, S_IFMT));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFCHR, 1, 0));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, S_IFBLK, 0, 1));
	put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, DONE));
	put_load(p, FIELD(nr)); /* for what follows */
}

/* Little-endian: the low half of an argument comes first. */
static void write_program(struct program *p)
{
	size_t at;

	put_load(p, FIELD(arch));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, sys_audit_arch(), 1, 0));
	at = p->n;
	put(p, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0)); /* another ABI: to the end */
	put_load(p, FIELD(nr));
	for (size_t i = 0; i < ARRAY_SIZE(answered); i++) {
		put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, answered[i], 0, 1));
		put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, DONE));
	}
#ifdef SYS_mknod
	put_device(p, SYS_mknod, 1);
#endif
	put_device(p, SYS_mknodat, 2);
	p->code[at].k = (unsigned)(p->n - at - 1);
}

int policy_answer_owners(struct policy *policy, struct err *err)
{
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct program p = { .n = 0 };
	struct sock_filter *joined;
	size_t rest = policy->filter ? policy->filter_len : 1;

	write_program(&p);
	if (p.n + rest > BPF_MAXINSNS)
		return err_set(err, -E2BIG, "the system call filter is too long for a build");
	joined = xcalloc(p.n + rest, sizeof(*joined));
	memcpy(joined, p.code, p.n * sizeof(*joined));
	memcpy(joined + p.n, policy->filter ? policy->filter : &allow, rest * sizeof(*joined));
	free(policy->filter);
	policy->filter = joined;
	policy->filter_len = (unsigned short)(p.n + rest);
	return 0;
}
