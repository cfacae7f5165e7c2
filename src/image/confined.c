/* SPDX-License-Identifier: Apache-2.0 */
#include "image/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/own.h"

/* The leak checker stops its process from outside. */
#ifdef __SANITIZE_ADDRESS__
#define KEEP_DUMPABLE true
#else
#define KEEP_DUMPABLE false
#endif

/* syscalls: files and trees; the thread that decompresses; the verdict at the end */
#define UNPACK_CALLS                                                                              \
	SYS_openat, SYS_openat2, SYS_newfstatat, SYS_statx, SYS_fstatfs, SYS_quotactl_fd,         \
		SYS_getdents64, SYS_faccessat, SYS_readlinkat, SYS_mkdirat, SYS_mknodat,          \
		SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_renameat, SYS_renameat2, SYS_fchmod, \
		SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_umask, SYS_ftruncate,  \
		SYS_fallocate, SYS_pread64, SYS_pwrite64, SYS_writev, SYS_copy_file_range,        \
		SYS_ioctl, SYS_fcntl, SYS_flock, SYS_fsync, SYS_fdatasync, SYS_syncfs,            \
		SYS_sync_file_range, SYS_getxattr, SYS_lgetxattr, SYS_fgetxattr, SYS_setxattr,    \
		SYS_lsetxattr, SYS_fsetxattr, SYS_listxattr, SYS_llistxattr, SYS_flistxattr,      \
		SYS_removexattr, SYS_fremovexattr, SYS_sendto, SYS_clone, SYS_clone3, SYS_rseq,   \
		SYS_prctl, SYS_sysinfo /* qsort asks for the memory size */

/* syscalls: starting, feeding and ending the processes that unpack, and locking them in */
#define STARTER_CALLS                                                                      \
	SYS_ppoll, SYS_pipe2, SYS_splice, SYS_wait4, SYS_kill, SYS_setpgid, SYS_getppid,   \
		SYS_geteuid, SYS_setns, SYS_setgroups, SYS_setresuid, SYS_setresgid,       \
		SYS_prlimit64, SYS_seccomp, SYS_uname, SYS_statfs, SYS_getuid, SYS_getgid, \
		SYS_getegid, SYS_landlock_create_ruleset, SYS_landlock_add_rule,           \
		SYS_landlock_restrict_self

/* syscalls: curl, OpenSSL and the resolver. io_uring and the like are not asked for. */
#define NETWORK_CALLS                                                                        \
	SYS_socket, SYS_connect, SYS_bind, SYS_getsockname, SYS_getpeername, SYS_getsockopt, \
		SYS_setsockopt, SYS_shutdown, SYS_recvfrom, SYS_sendmsg, SYS_recvmsg,        \
		SYS_sendmmsg, SYS_socketpair, SYS_eventfd2, SYS_pselect6, SYS_dup3

static const int unpack_calls[] = { UNPACK_CALLS };
static const int archive_calls[] = { UNPACK_CALLS, STARTER_CALLS };
static const int registry_calls[] = { UNPACK_CALLS, STARTER_CALLS, NETWORK_CALLS };

/* All may be read (resolvers, certificates and proxies have their files anywhere), one folder written. */
static int confine_starter(int folder, const int *calls, size_t n_calls, struct err *err)
{
	autofd int top = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct confine_dir dirs[] = { { top, false }, { folder, true } };
	const struct confine rules = {
		.name = "sbx-image",
		.calls = calls,
		.n_calls = n_calls,
		.refuse = ENOSYS, /* what libraries expect of a kernel that lacks something */
		.files = true,
		.dirs = dirs,
		.n_dirs = folder >= 0 ? 2 : 1,
		.keep_dumpable = KEEP_DUMPABLE,
	};

	if (top < 0)
		return err_sys(err, "open /");
	TRY(confine_self(&rules, err));
	return 0;
}

int confined_registry(const struct store *store, struct err *err)
{
	return confine_starter(
		store ? store->root : -EBADF, registry_calls, ARRAY_SIZE(registry_calls), err);
}

int confined_push(int folder, struct err *err)
{
	return confine_starter(folder, registry_calls, ARRAY_SIZE(registry_calls), err);
}

int confined_archive(const struct store *store, struct err *err)
{
	return confine_starter(store->root, archive_calls, ARRAY_SIZE(archive_calls), err);
}

int confined_pack(int folder, struct err *err)
{
	return confine_starter(folder, archive_calls, ARRAY_SIZE(archive_calls), err);
}

static int confine_writer(const struct confine_dir *dirs, size_t n_dirs, struct err *err)
{
	const struct confine rules = {
		.name = "sbx-image",
		.calls = unpack_calls,
		.n_calls = ARRAY_SIZE(unpack_calls),
		.refuse = ENOSYS,
		.files = true,
		.dirs = dirs,
		.n_dirs = n_dirs,
		.keep_dumpable = KEEP_DUMPABLE,
	};

	TRY(confine_self(&rules, err));
	return 0;
}

int confined_unpack(const struct store *store, struct err *err)
{
	const struct confine_dir dirs[] = { { store->tmp, true }, { store->layers, true } };

	return confine_writer(dirs, ARRAY_SIZE(dirs), err);
}

int confined_extract(int root, struct err *err)
{
	const struct confine_dir dir = { root, true };

	return confine_writer(&dir, 1, err);
}
