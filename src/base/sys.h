/* SPDX-License-Identifier: Apache-2.0 */
/* Every raw system call, as libc would declare it: -1 and errno. The only place with #ifdef. */
#ifndef SBX_BASE_SYS_H
#define SBX_BASE_SYS_H

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

int sys_openat2(int dir, const char *path, struct open_how *how);
pid_t sys_clone(uint64_t flags, int *pidfd); /* fork-like: CLONE_NEW*, SIGCHLD; pidfd may be NULL */
int sys_pidfd_open(pid_t pid);
int sys_pidfd_send_signal(int pidfd, int signo);
int sys_close_range(
	unsigned first, unsigned last, unsigned flags); /* falls back to /proc/self/fd */
int sys_pivot_root(const char *new_root, const char *put_old);
int sys_open_tree(int dir, const char *path, unsigned flags);
int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
int sys_fsopen(const char *type, unsigned flags);
int sys_fsconfig(int fs, unsigned cmd, const char *key, const void *value, int aux);
int sys_fsmount(int fs, unsigned flags, unsigned attr);
int sys_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attr);
int sys_join_session_keyring(const char *name); /* NULL = anonymous */
int sys_capset(
	const struct __user_cap_header_struct *head, const struct __user_cap_data_struct *data);
int sys_capget(struct __user_cap_header_struct *head, struct __user_cap_data_struct *data);
int sys_seccomp_filter(const struct sock_fprog *prog, unsigned flags); /* SECCOMP_SET_MODE_FILTER */
/* AUDIT_ARCH_* of this program; 0 on processors without a seccomp filter of ours. */
uint32_t sys_audit_arch(void);
/* attr NULL, size 0, flags 1: the ABI version. */
int sys_landlock_create(const void *attr, size_t size, unsigned flags);
int sys_landlock_add_path(int ruleset, uint64_t access, int dir);
int sys_landlock_restrict(int ruleset);
int sys_quotactl_fd(int fd, unsigned cmd, unsigned id, void *addr); /* Linux 5.14 */
int sys_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags);

#endif
