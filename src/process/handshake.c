/* SPDX-License-Identifier: Apache-2.0 */
#include "process/handshake.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/own.h"

int step_pair(int *ret_parent, int *ret_child, struct err *err)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	*ret_parent = pair[0];
	*ret_child = pair[1];
	return 0;
}

union fd_message {
	struct cmsghdr head;
	char space[CMSG_SPACE(sizeof(int))];
};

int step_send(int sock, enum step step, int fd, const struct err *err_of, struct err *err)
{
	struct step_msg msg = { .step = step };

	if (err_of)
		msg.err = *err_of;
	return step_send_msg(sock, &msg, fd, err);
}

int step_send_msg(int sock, const struct step_msg *msg, int fd, struct err *err)
{
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = sizeof(*msg) };
	struct msghdr head = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_message control = { 0 };

	if (fd >= 0) {
		head.msg_control = &control;
		head.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	while (sendmsg(sock, &head, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_sys(err, "tell the other process (step %d)", (int)msg->step);
	return 0;
}

int step_receive(int sock, struct step_msg *ret, int *ret_fd, struct err *err)
{
	struct iovec iov = { .iov_base = ret, .iov_len = sizeof(*ret) };
	union fd_message control = { 0 };
	struct msghdr head = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	ssize_t n;

	*ret_fd = -EBADF;
	do {
		n = recvmsg(sock, &head, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, "hear from the other process");
	if (n == 0)
		return 0;
	cmsg = CMSG_FIRSTHDR(&head);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
		cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(cmsg), sizeof(int));
	if (n != sizeof(*ret)) {
		fd_drop(ret_fd);
		return err_set(err, -EPROTO, "the other process sent %zd bytes for a step", n);
	}
	return 1;
}

int step_wait(int sock, enum step want, struct step_msg *ret, struct err *err)
{
	int fd, r;

	r = step_receive(sock, ret, &fd, err);
	if (r < 0)
		return r;
	fd_drop(&fd); /* the parent sends none */
	if (r == 0)
		return err_set(err, -EPIPE, "the monitor is gone");
	if (ret->step != want)
		return err_set(
			err, -EPROTO, "step %d came where %d was due", (int)ret->step, (int)want);
	return 0;
}
