/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/relay.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/own.h"
#include "base/sys.h"
#include "base/userns.h"
#include "netstack/carry.h"
#include "netstack/lock_in.h"

static int compare_fds(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* Everything else of sbx-netstack's: other members' taps, ports and control sockets. */
static int close_others(const struct relay_config *config, int sock, struct err *err)
{
	size_t n = 0;
	unsigned next = 3;
	autofree int *keep = calloc(config->ports->n * 2 + 3, sizeof(*keep));

	if (!keep)
		return err_set(err, -ENOMEM, "out of memory");
	keep[n++] = sock;
	keep[n++] = config->userns;
	keep[n++] = config->netns;
	for (size_t i = 0; i < config->ports->n * 2; i++) {
		int fd = config->ports->ports[i / 2].fds[i % 2];

		if (fd >= 0)
			keep[n++] = fd;
	}
	qsort(keep, n, sizeof(*keep), compare_fds);
	for (size_t i = 0; i < n; i++) {
		if ((unsigned)keep[i] > next && sys_close_range(next, (unsigned)keep[i] - 1, 0) < 0)
			return err_sys(err, "close_range");
		next = (unsigned)keep[i] + 1;
	}
	if (sys_close_range(next, ~0u, 0) < 0)
		return err_sys(err, "close_range");
	return 0;
}

/* What a socket with a client's address takes, over nothing but the member's own namespace. */
static int drop_capabilities(bool keep_clients, struct err *err)
{
	const uint32_t kept = keep_clients ? 1u << CAP_NET_ADMIN | 1u << CAP_NET_RAW : 0;
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct set[2] = { { .effective = kept, .permitted = kept } };

	if (sys_capset(&head, set) < 0)
		return err_sys(err, "drop capabilities");
	return 0;
}

/* The death signal is set after the ids changed, which clears it. */
static int enter(const struct relay_config *config, pid_t parent, struct err *err)
{
	TRY(userns_join(config->userns, err));
	if (setns(config->netns, CLONE_NEWNET) < 0)
		return err_sys(err, "join the network namespace");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(err, "prctl(PR_SET_PDEATHSIG)");
	if (getppid() != parent)
		return err_set(err, -ESRCH, "sbx-netstack is gone");
	TRY(drop_capabilities(config->inside.keep_clients || config->inside.keep_clients6, err));
	return lock_in_relay(err);
}

static _Noreturn void child_main(const struct relay_config *config, int sock, pid_t parent)
{
	struct err err = ERR_INIT;
	sigset_t none;
	int r;

	(void)prctl(PR_SET_NAME, "sbx-relay"); /* for ps; cannot fail */
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	r = close_others(config, sock, &err);
	if (r == 0)
		r = enter(config, parent, &err);
	if (send(sock, &err, sizeof(err), MSG_NOSIGNAL) < 0 || r < 0)
		_exit(1);
	r = carry_ports(config->ports, &config->inside, sock, &err);
	_exit(r < 0);
}

int relay_start(const struct relay_config *config, struct relay *ret, struct err *err)
{
	int pair[2];
	autofd int ours = -EBADF, theirs = -EBADF;
	pid_t parent = getpid(), pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return err_sys(err, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "fork the relay of published ports");
	if (pid == 0)
		child_main(config, theirs, parent);
	*ret = (struct relay){ .pid = pid, .sock = move_fd(&ours) };
	return 0;
}

int relay_verdict(struct relay *relay, struct err *err)
{
	struct err theirs;
	ssize_t n = recv(relay->sock, &theirs, sizeof(theirs), 0);

	if (n < 0)
		return err_sys(err, "read the relay's verdict");
	if (n != sizeof(theirs))
		return err_set(err, -EPIPE, "the relay of published ports died");
	if (theirs.code < 0)
		*err = theirs;
	return theirs.code;
}

void relay_stop(struct relay *relay)
{
	if (relay->pid <= 0)
		return;
	(void)kill(relay->pid, SIGKILL); /* ours and not reaped yet: the pid is its */
	while (waitpid(relay->pid, NULL, 0) < 0 && errno == EINTR)
		;
	fd_drop(&relay->sock);
	relay->pid = 0;
}
