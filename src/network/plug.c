/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks beyond the first: a device is made in a container that is there already. By a child, for
 * joining the container's user namespace is for good and the monitor stays in its own.
 */
#include "network/network.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/userns.h"
#include "base/xalloc.h"

void network_set_add(struct network_set *set, const struct network *adopt)
{
	set->list = xreallocarray(set->list, set->n + 1, sizeof(*set->list));
	set->list[set->n] = xcalloc(1, sizeof(**set->list));
	*set->list[set->n++] = *adopt;
}

void network_set_remove(struct network_set *set, size_t index)
{
	network_leave(set->list[index]);
	network_done(set->list[index]);
	free(set->list[index]);
	memmove(set->list + index, set->list + index + 1,
		(set->n - index - 1) * sizeof(*set->list));
	set->n--;
}

void network_set_done(struct network_set *set)
{
	while (set->n)
		network_set_remove(set, set->n - 1);
	free(set->list);
	set->list = NULL;
	if (set->userns > 0) /* a zeroed object owns nothing */
		fd_drop(&set->userns);
	if (set->netns > 0)
		fd_drop(&set->netns);
}

int network_set_keep(struct network_set *set, int userns, int netns, struct err *err)
{
	if (set->userns > 0)
		fd_drop(&set->userns);
	if (set->netns > 0)
		fd_drop(&set->netns);
	set->userns = fcntl(userns, F_DUPFD_CLOEXEC, 3);
	set->netns = fcntl(netns, F_DUPFD_CLOEXEC, 3);
	return set->userns < 0 || set->netns < 0 ? err_sys(err, "dup") : 0;
}

struct made {
	struct err err;
};

static int send_made(int sock, const struct made *made, int tap)
{
	struct iovec iov = { (void *)(uintptr_t)made, sizeof(*made) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} cmsg = { .head = { .cmsg_level = SOL_SOCKET,
			   .cmsg_type = SCM_RIGHTS,
			   .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (tap >= 0) {
		msg.msg_control = &cmsg;
		msg.msg_controllen = sizeof(cmsg);
		memcpy(CMSG_DATA(&cmsg.head), &tap, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_tap(int sock, struct err *err)
{
	struct made made;
	struct iovec iov = { &made, sizeof(made) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} cmsg;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &cmsg,
		.msg_controllen = sizeof(cmsg) };
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	int tap;

	if (n != sizeof(made))
		return err_set(err, -EPIPE, "the child that makes a network device died");
	if (made.err.code < 0) {
		*err = made.err;
		return err->code;
	}
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return err_set(err, -EPROTO, "the child sent no network device");
	memcpy(&tap, CMSG_DATA(c), sizeof(int));
	return tap;
}

static _Noreturn void child_main(const struct network *net, int userns, int netns, int sock)
{
	struct network_gear gear = NETWORK_GEAR_INIT;
	struct made made = { .err = ERR_INIT };
	int r = userns_join(userns, &made.err);

	if (r == 0 && setns(netns, CLONE_NEWNET) < 0)
		r = err_sys(&made.err, "join the container's network namespace");
	if (r == 0)
		r = network_setup(net, &gear, &made.err);
	_exit(send_made(sock, &made, r < 0 ? -EBADF : gear.tap) < 0);
}

static int make_device(const struct network *net, int userns, int netns, struct err *err)
{
	autofd int sock = -EBADF;
	pid_t pid = spawn_fork(&sock, err);
	int tap;

	if (pid < 0)
		return pid;
	if (pid == 0)
		child_main(net, userns, netns, sock);
	tap = receive_tap(sock, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return tap;
}

int network_plug(struct network *net, int userns, int netns, const char *id, const char *name,
	struct err *err)
{
	struct network_gear gear __attribute__((cleanup(network_gear_done))) = NETWORK_GEAR_INIT;

	TRY(network_join(net, id, name, err));
	TRY(gear.tap = make_device(net, userns, netns, err));
	return network_attach(net, &gear, userns, netns, err);
}
