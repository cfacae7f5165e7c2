/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The system calls of a running server. No sockets, no programs, no mounts but unmounting its own, no
 * other processes. Paths are not confined (Landlock would forbid the unmounting): every one is a single
 * name below a directory of the layers, or a descriptor's in /proc/self/fd.
 */
#include "confined.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "base/confine.h"
#include "base/own.h"

static const int calls[] = {
	/* requests and replies */
	SYS_read, SYS_write, SYS_writev, SYS_poll,
	/* the loop of the main thread */
	SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_pwait, SYS_timerfd_create, SYS_timerfd_settime,
	SYS_signalfd4, SYS_eventfd2, SYS_umount2,
	/* threads */
	SYS_clone, 435 /* clone3 */, SYS_rseq, SYS_set_robust_list, SYS_sched_getaffinity,
	SYS_sysinfo /* qsort asks for the memory size */,
	/* objects */
	SYS_openat, SYS_openat2, SYS_close, SYS_fcntl, SYS_newfstatat, SYS_fstat, SYS_statx,
	SYS_fstatfs, SYS_getdents64, SYS_readlinkat, SYS_mkdirat, SYS_mknodat, SYS_symlinkat,
	SYS_linkat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_fchmodat, SYS_fchmod,
	SYS_fchownat, SYS_utimensat, SYS_umask,
	/* data */
	SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_ftruncate, SYS_fallocate, SYS_copy_file_range,
	SYS_ioctl, SYS_fsync, SYS_fdatasync, SYS_sync_file_range,
	/* extended attributes */
	SYS_getxattr, SYS_lgetxattr, SYS_listxattr, SYS_llistxattr, SYS_setxattr, SYS_lsetxattr,
	SYS_fsetxattr, SYS_removexattr, SYS_lremovexattr
};

int confined_enter(struct err *err)
{
	const struct confine rules = {
		.name = "sbx-fuse",
		.calls = calls,
		.n_calls = ARRAY_SIZE(calls),
		.refuse = EPERM,
	};
	int r = confine_self(&rules, err);

	return r < 0 ? r : 0;
}
