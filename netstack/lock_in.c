/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/lock_in.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/confine.h"
#include "base/own.h"

/* syscalls: sockets and the loop; files for resolv.conf, lock and control socket; from SYS_getppid on
 * what a relay needs, which inherits this list before it installs its own, shorter one. */
static const int network_calls[] = {
	SYS_socket,
	SYS_connect,
	SYS_bind,
	SYS_listen,
	SYS_accept4,
	SYS_getsockname,
	SYS_getpeername,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_readv,
	SYS_writev,
	SYS_ioctl,
	SYS_fcntl,
	SYS_ppoll,
	SYS_socketpair,
	SYS_eventfd2,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_openat,
	SYS_newfstatat,
	SYS_readlinkat,
	SYS_unlinkat,
	SYS_ftruncate,
	SYS_getrandom,
	SYS_flock,
	SYS_getuid,
	SYS_geteuid,
	SYS_kill,
	SYS_wait4,
	SYS_clone,
	SYS_clone3,
	SYS_rseq,
	SYS_getppid,
	SYS_close_range,
	SYS_getdents64,
	SYS_setns,
	SYS_setgroups,
	SYS_setresuid,
	SYS_setresgid,
	SYS_prctl,
	SYS_capset,
	SYS_setrlimit,
	SYS_prlimit64,
	SYS_seccomp,
	SYS_pipe2,
	SYS_splice,
	SYS_landlock_create_ruleset,
	SYS_landlock_add_rule,
	SYS_landlock_restrict_self,
};

static const int relay_calls[] = {
	SYS_accept4,
	SYS_getsockname,
	SYS_getpeername,
	SYS_socket,
	SYS_connect,
	SYS_bind,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_splice,
	SYS_pipe2,
	SYS_fcntl,
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
};

/* libslirp reads /etc/resolv.conf again whenever it changed; often that is a link into /run. */
static int open_resolver_dir(void)
{
	char path[PATH_MAX];
	char *slash;

	if (!realpath("/etc/resolv.conf", path))
		return -errno;
	slash = strrchr(path, '/');
	if (slash == path)
		return -EINVAL; /* in "/" itself: not worth opening all of it */
	*slash = '\0';
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* The network's process opens files below /etc, where the host says who resolves names, and below dir if it has one. */
static int lock_in_stack(int dir, bool keep_dumpable, struct err *err)
{
	autofd int etc = open("/etc", O_PATH | O_DIRECTORY | O_CLOEXEC),
		   resolver = open_resolver_dir();
	struct confine_dir dirs[3] = { { etc, false } };
	struct confine rules = {
		.name = "sbx-netstack",
		.calls = network_calls,
		.n_calls = ARRAY_SIZE(network_calls),
		.refuse = EPERM,
		.files = true,
		.dirs = dirs,
		.n_dirs = 1,
		.keep_dumpable = keep_dumpable,
	};

	if (etc < 0)
		return err_sys(err, "open /etc");
	if (resolver >= 0)
		dirs[rules.n_dirs++] = (struct confine_dir){ resolver, false };
	if (dir >= 0)
		dirs[rules.n_dirs++] = (struct confine_dir){ dir, true };
	TRY(confine_self(&rules, err));
	return 0;
}

int lock_in_alone(struct err *err)
{
	return lock_in_stack(-EBADF, true, err); /* holds nothing that its starter may not see */
}

int lock_in_network(int dir, struct err *err)
{
	return lock_in_stack(dir, false, err);
}

int lock_in_relay(struct err *err)
{
	const struct confine rules = {
		.name = "the relay",
		.calls = relay_calls,
		.n_calls = ARRAY_SIZE(relay_calls),
		.refuse = EPERM,
		.files = true,
	};

	TRY(confine_self(&rules, err));
	return 0;
}
