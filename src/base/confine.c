/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter is a binary tree over ranges of allowed call numbers, made here without libseccomp, which
 * helpers must not link. It lives on the stack: at most 2 * ranges + 1 leaves, so that every jump fits
 * into its 8 bits.
 */
#include "base/confine.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "base/own.h"
#include "base/sys.h"

/* libc: malloc, threads, clocks (when the vDSO has none), stdio, abort, exit. */
static const int always[] = { SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise,
	SYS_futex, SYS_set_robust_list, SYS_rt_sigreturn, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_sigaltstack, SYS_restart_syscall, SYS_clock_gettime, SYS_clock_nanosleep,
	SYS_gettimeofday, SYS_getrandom, SYS_getpid, SYS_gettid, SYS_tgkill, SYS_sched_yield,
	SYS_sched_getaffinity /* malloc counts processors */, SYS_read, SYS_write, SYS_close,
	SYS_lseek, SYS_fstat, SYS_exit, SYS_exit_group };

/* The older x86-64 forms; numbers, because other processors have no names for them. */
static const struct {
	int call;
	int old;
} old_forms[] = {
	{ SYS_openat, 2 },          /* open */
	{ SYS_openat, 85 },         /* creat */
	{ SYS_newfstatat, 4 },      /* stat */
	{ SYS_newfstatat, 6 },      /* lstat */
	{ SYS_ppoll, 7 },           /* poll */
	{ SYS_faccessat, 21 },      /* access */
	{ SYS_pipe2, 22 },          /* pipe */
	{ SYS_pselect6, 23 },       /* select */
	{ SYS_dup3, 33 },           /* dup2 */
	{ SYS_clone, 57 },          /* fork */
	{ SYS_clone, 58 },          /* vfork */
	{ SYS_renameat2, 82 },      /* rename */
	{ SYS_renameat2, 264 },     /* renameat */
	{ SYS_mkdirat, 83 },        /* mkdir */
	{ SYS_unlinkat, 84 },       /* rmdir */
	{ SYS_unlinkat, 87 },       /* unlink */
	{ SYS_linkat, 86 },         /* link */
	{ SYS_symlinkat, 88 },      /* symlink */
	{ SYS_readlinkat, 89 },     /* readlink */
	{ SYS_fchmodat, 90 },       /* chmod */
	{ SYS_fchownat, 92 },       /* chown */
	{ SYS_fchownat, 94 },       /* lchown */
	{ SYS_mknodat, 133 },       /* mknod */
	{ SYS_epoll_create1, 213 }, /* epoll_create */
	{ SYS_epoll_pwait, 232 },   /* epoll_wait */
	{ SYS_signalfd4, 282 },     /* signalfd */
	{ SYS_eventfd2, 284 },      /* eventfd */
	{ SYS_getdents64, 78 },     /* getdents */
	{ SYS_accept4, 43 },        /* accept */
	{ SYS_clock_gettime, 201 }, /* time */
};

#define NUMBERS_MAX (CONFINE_CALLS_MAX + (int)(ARRAY_SIZE(always) + ARRAY_SIZE(old_forms)))
#define LEAVES_MAX  256
#define LEAVES_ROOM 12
#define PROGRAM_MAX (2 * LEAVES_MAX + LEAVES_ROOM)
#define X32_BASE    0x40000000u

struct leaf {
	uint32_t start;
	uint32_t action;
};

struct filter {
	uint32_t refusal;
	int numbers[NUMBERS_MAX];
	size_t n_numbers;
	struct leaf leaves[LEAVES_MAX];
	size_t n_leaves;
	struct sock_filter code[PROGRAM_MAX];
	unsigned short n_code;
};

static int by_value(const void *a, const void *b)
{
	int left = *(const int *)a, right = *(const int *)b;

	return left < right ? -1 : left > right;
}

static void add_number(struct filter *filter, int nr)
{
	filter->numbers[filter->n_numbers++] = nr;
}

static int collect_numbers(const struct confine *rules, struct filter *filter, struct err *err)
{
	if (rules->n_calls > CONFINE_CALLS_MAX)
		return err_set(err, -E2BIG, "%s: more than %d system calls in its list",
			rules->name, CONFINE_CALLS_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		add_number(filter, always[i]);
	for (size_t i = 0; i < rules->n_calls; i++)
		add_number(filter, rules->calls[i]);
	size_t listed = filter->n_numbers;
	for (size_t i = 0; i < ARRAY_SIZE(old_forms) && sys_audit_arch() == AUDIT_ARCH_X86_64;
		i++) {
		bool has = false;
		for (size_t k = 0; k < listed && !has; k++)
			has = filter->numbers[k] == old_forms[i].call;
		if (has)
			add_number(filter, old_forms[i].old);
	}
	qsort(filter->numbers, filter->n_numbers, sizeof(int), by_value);
	return 0;
}

static int add_leaf(struct filter *filter, uint32_t start, uint32_t action, struct err *err)
{
	struct leaf *last = filter->n_leaves ? &filter->leaves[filter->n_leaves - 1] : NULL;

	if (last && last->start == start) { /* two calls in a row: the gap between them is empty */
		last->action = action;
		return 0;
	}
	if (filter->n_leaves == LEAVES_MAX)
		return err_set(err, -E2BIG, "the list of system calls has too many gaps");
	filter->leaves[filter->n_leaves++] = (struct leaf){ start, action };
	return 0;
}

static int make_leaves(struct filter *filter, struct err *err)
{
	TRY(add_leaf(filter, 0, filter->refusal, err));
	for (size_t i = 0; i < filter->n_numbers; i++) {
		uint32_t nr = (uint32_t)filter->numbers[i];
		bool twice = i > 0 && filter->numbers[i] == filter->numbers[i - 1];
		bool in_a_row = i > 0 && filter->numbers[i] == filter->numbers[i - 1] + 1;
		if (twice)
			continue;
		if (in_a_row)
			filter->n_leaves--; /* the refusal that began here */
		else
			TRY(add_leaf(filter, nr, SECCOMP_RET_ALLOW, err));
		TRY(add_leaf(filter, nr + 1, filter->refusal, err));
	}
	return add_leaf(filter, X32_BASE, SECCOMP_RET_KILL_PROCESS, err);
}

static void emit(struct filter *filter, unsigned code, uint32_t k, size_t jt, unsigned jf)
{
	filter->code[filter->n_code++] = (struct sock_filter){
		.code = (uint16_t)code, .jt = (uint8_t)jt, .jf = (uint8_t)jf, .k = k
	};
}

/* n leaves take 2 n - 1 instructions; the left half has at most 128, hence jumps of at most 255. */
static void emit_tree(struct filter *filter, const struct leaf *leaf, size_t n)
{
	size_t half = n / 2;

	if (n == 1) {
		emit(filter, BPF_RET | BPF_K, leaf->action, 0, 0);
		return;
	}
	emit(filter, BPF_JMP | BPF_JGE | BPF_K, leaf[half].start, 2 * half - 1, 0);
	emit_tree(filter, leaf, half);
	emit_tree(filter, leaf + half, n - half);
}

static void emit_program(struct filter *filter)
{
	emit(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(filter, BPF_JMP | BPF_JEQ | BPF_K, sys_audit_arch(), 1, 0);
	emit(filter, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	emit(filter, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit_tree(filter, filter->leaves, filter->n_leaves);
}

static int confine_calls(const struct confine *rules, bool fatal, struct err *err)
{
	struct filter filter = { 0 };

	if (sys_audit_arch() == 0)
		return 0; /* a processor whose numbers we have not checked */
	filter.refusal = fatal ? SECCOMP_RET_KILL_PROCESS
			       : SECCOMP_RET_ERRNO | ((uint32_t)rules->refuse & SECCOMP_RET_DATA);
	TRY(collect_numbers(rules, &filter, err));
	TRY(make_leaves(&filter, err));
	emit_program(&filter);
	const struct sock_fprog prog = { .len = filter.n_code, .filter = filter.code };
	if (sys_seccomp_filter(&prog, 0) == 0)
		return CONFINE_SECCOMP;
	if (errno == ENOSYS || errno == EINVAL)
		return 0; /* a kernel without filters */
	return err_sys(err, "%s: load its system call filter", rules->name);
}

/* The kernel's headers may be older than the kernel: newer rights by their numbers. */
#define FS_ABI1                ((UINT64_C(1) << 13) - 1)
#define FS_REFER               (UINT64_C(1) << 13) /* ABI 2, Linux 5.19 */
#define FS_TRUNCATE            (UINT64_C(1) << 14) /* ABI 3, Linux 6.2 */
#define FS_IOCTL               (UINT64_C(1) << 15) /* ABI 5, Linux 6.10: on devices */
#define FS_READ                (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define SCOPE_ABSTRACT_SOCKETS 1 /* ABI 6, Linux 6.12 */

struct ruleset { /* struct landlock_ruleset_attr of ABI 6 */
	uint64_t files;
	uint64_t network;
	uint64_t scoped;
};

static uint64_t rights_of(int abi)
{
	return FS_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) |
	       (abi >= 5 ? FS_IOCTL : 0);
}

static bool any_writable(const struct confine *rules)
{
	for (size_t i = 0; i < rules->n_dirs; i++)
		if (rules->dirs[i].write)
			return true;
	return false;
}

static int confine_files(const struct confine *rules, struct err *err)
{
	int abi = sys_landlock_create(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 1 || (abi < 2 && any_writable(rules)))
		return 0;
	const struct ruleset attr = { .files = rights_of(abi),
		.scoped = abi >= 6 ? SCOPE_ABSTRACT_SOCKETS : 0 };
	autofd int set = sys_landlock_create(
		&attr, abi >= 6 ? sizeof(attr) : sizeof(attr.files), 0);
	if (set < 0)
		return err_sys(err, "%s: make a Landlock ruleset", rules->name);
	for (size_t i = 0; i < rules->n_dirs; i++) {
		uint64_t access = rules->dirs[i].write ? attr.files & ~LANDLOCK_ACCESS_FS_EXECUTE
						       : FS_READ;
		if (sys_landlock_add_path(set, access, rules->dirs[i].fd) < 0)
			return err_sys(err, "%s: allow directory %zu", rules->name, i);
	}
	if (sys_landlock_restrict(set) < 0)
		return err_sys(err, "%s: enter the Landlock ruleset", rules->name);
	return CONFINE_LANDLOCK;
}

int confine_self(const struct confine *rules, struct err *err)
{
	const struct rlimit no_core = { 0, 0 };
	const char *mode = getenv("SBX_CONFINE");
	int done = 0, part;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "%s: set no_new_privs", rules->name);
	if (!rules->keep_dumpable && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "%s: become non-dumpable", rules->name);
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return err_sys(err, "%s: forbid core dumps", rules->name);
	if (mode && strcmp(mode, "off") == 0)
		return 0;
	if (rules->files) {
		part = confine_files(rules, err);
		TRY(part);
		done |= part;
	}
	part = confine_calls(rules, mode && strcmp(mode, "kill") == 0, err);
	TRY(part);
	return done | part;
}
