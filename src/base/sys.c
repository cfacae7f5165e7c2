/* SPDX-License-Identifier: Apache-2.0 */
/* See sys.h. Numbers that old headers lack are the same on every architecture since Linux 5.1. */
#include "base/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/landlock.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif
#ifndef SYS_open_tree
#define SYS_open_tree  428
#define SYS_move_mount 429
#define SYS_fsopen     430
#define SYS_fsconfig   431
#define SYS_fsmount    432
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

int sys_openat2(int dir, const char *path, struct open_how *how)
{
	return (int)syscall(SYS_openat2, dir, path, how, sizeof(*how));
}

pid_t sys_clone(uint64_t flags, int *pidfd)
{
	/* fork-like, so no stack. clone(2) itself is enough: CLONE_PIDFD is 5.2 and falls back. */
	long pid;
	int fd = -1;

#if defined(__s390x__)
#error "clone(2) takes its arguments in another order here"
#endif
	if (!pidfd)
		return (pid_t)syscall(SYS_clone, (unsigned long)flags, NULL, NULL, NULL, NULL);
	pid = syscall(SYS_clone, (unsigned long)(flags | CLONE_PIDFD), NULL, &fd, NULL, NULL);
	if (pid > 0)
		*pidfd = fd;
	return (pid_t)pid;
}

int sys_pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

int sys_pidfd_send_signal(int pidfd, int signo)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signo, NULL, 0);
}

static void close_one(int fd, unsigned flags)
{
	if (flags & CLOSE_RANGE_CLOEXEC)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* fails where nothing is open: as wanted */
	else
		(void)close(fd);
}

/* Without /proc, as in a helper that has given up the file system: every number there can be. */
static int close_counted(unsigned first, unsigned last, unsigned flags)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -1;
	for (unsigned fd = first; fd <= last && fd < limit.rlim_cur; fd++)
		close_one((int)fd, flags);
	return 0;
}

static int close_listed(unsigned first, unsigned last, unsigned flags)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;

	if (!dir)
		return close_counted(first, last, flags);
	while ((entry = readdir(dir))) {
		unsigned long fd = strtoul(entry->d_name, NULL, 10);

		if (entry->d_name[0] == '.' || fd < first || fd > last || (int)fd == dirfd(dir))
			continue;
		close_one((int)fd, flags);
	}
	return closedir(dir);
}

int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	int r = (int)syscall(SYS_close_range, first, last, flags);

	if (r < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM))
		return close_listed(first, last, flags);
	return r;
}

int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}

int sys_fsopen(const char *type, unsigned flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux)
{
	return (int)syscall(SYS_fsconfig, fs, cmd, key, value, aux);
}

int sys_fsmount(int fs, unsigned flags, unsigned attr)
{
	return (int)syscall(SYS_fsmount, fs, flags, attr);
}

int sys_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attr, sizeof(*attr));
}

int sys_join_session_keyring(const char *name)
{
	return (int)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0);
}

int sys_capset(
	const struct __user_cap_header_struct *head, const struct __user_cap_data_struct *data)
{
	return (int)syscall(SYS_capset, head, data);
}

int sys_capget(struct __user_cap_header_struct *head, struct __user_cap_data_struct *data)
{
	return (int)syscall(SYS_capget, head, data);
}

int sys_seccomp_filter(const struct sock_fprog *prog, unsigned flags)
{
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
}

uint32_t sys_audit_arch(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
	return AUDIT_ARCH_AARCH64;
#else
	return 0;
#endif
}

int sys_landlock_create(const void *attr, size_t size, unsigned flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

int sys_landlock_add_path(int ruleset, uint64_t access, int dir)
{
	const struct landlock_path_beneath_attr attr = { .allowed_access = access,
		.parent_fd = dir };

	return (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0);
}

int sys_landlock_restrict(int ruleset)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, 0);
}

int sys_quotactl_fd(int fd, unsigned cmd, unsigned id, void *addr)
{
	return (int)syscall(SYS_quotactl_fd, fd, cmd, id, addr);
}

int sys_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	return (int)syscall(SYS_execveat, dir, path, argv, envp, flags);
}
