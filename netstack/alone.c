/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/own.h"
#include "netstack/dhcp.h"
#include "netstack/frame.h"
#include "netstack/frame6.h"
#include "netstack/lock_in.h"

#define FRAMES_PER_TURN 64

struct alone {
	const struct alone_options *options;
	struct loop *loop;
	struct stack *stack;
	struct alone_api *api;
	int api_listener; /* the api's once that is there */
	struct frame_lan lan;
	struct frame_frags frags;
	int tap;
	struct loop_source *source;
	uint8_t frame[FRAME_MAX + 1];
};

static void send_down(
	void *data, uint8_t *head, size_t head_len, const uint8_t *rest, size_t rest_len)
{
	struct alone *alone = data;
	struct iovec iov[2] = { { head, head_len }, { (void *)(uintptr_t)rest, rest_len } };

	if (writev(alone->tap, iov, rest_len ? 2 : 1) < 0)
		return; /* a full queue loses the frame, as a wire would */
}

/* Without --configure the namespace may ask for its address. */
static bool answer_dhcp(struct alone *alone, size_t len)
{
	const struct alone_options *options = alone->options;
	const struct dhcp_lease lease = {
		.address = alone_address(options, ALONE_LEASE),
		.mask = alone->lan.mask,
		.router = alone->lan.gateway,
		.resolver = options->no_dns ? (struct in_addr){ 0 } : alone->lan.nameserver,
		.mtu = (uint16_t)options->mtu,
	};
	size_t n = dhcp_answer(&lease, alone->frame, len);

	/* a full queue loses it, and the question comes again */
	return n && write(alone->tap, alone->frame, n) >= 0;
}

static void send_up(struct alone *alone, size_t len)
{
	uint8_t *frame = alone->frame;

	switch (frame_type(frame, len)) {
	case FRAME_ARP:
		stack_input(alone->stack, frame, len);
		return;
	case FRAME_IPV4:
		if (!answer_dhcp(alone, len) && !frame_is_group(frame) &&
			frame_clean(frame, &len, &alone->lan, &alone->frags))
			stack_input(alone->stack, frame, len);
		return;
	case FRAME_IPV6:
		if (alone->options->ipv6 && frame6_clean(frame, &len))
			stack_input(alone->stack, frame, len);
		return;
	case FRAME_OTHER:
		return;
	}
}

static int on_tap(void *data, int fd, uint32_t events, struct err *err)
{
	struct alone *alone = data;

	for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
		ssize_t n = read(fd, alone->frame, sizeof(alone->frame));

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			loop_quit(alone->loop, 0); /* the namespace is gone */
			return 0;
		}
		if (n <= 0)
			break;
		send_up(alone, (size_t)n);
	}
	return stack_settle(alone->stack, err);
}

static int on_exit_fd(void *data, int fd, uint32_t events, struct err *err)
{
	loop_quit(data, 0);
	return 0;
}

static int on_signal(void *data, int signo, struct err *err)
{
	loop_quit(data, 0);
	return 0;
}

static int watch(struct alone *alone, struct err *err)
{
	const struct alone_options *options = alone->options;
	sigset_t set;

	(void)signal(SIGPIPE, SIG_IGN); /* a valid signal */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	TRY(loop_add_signals(alone->loop, &set, on_signal, alone->loop, NULL, err));
	if (options->exit_fd >= 0)
		TRY(loop_add_fd(alone->loop, options->exit_fd, EPOLLIN | EPOLLHUP, on_exit_fd,
			alone->loop, NULL, err));
	if (alone->api_listener >= 0)
		TRY(alone_api_start(alone->loop, alone->stack, alone->api_listener,
			alone_address(options, ALONE_GUEST), &alone->api, err));
	return loop_add_fd(alone->loop, alone->tap, EPOLLIN, on_tap, alone, &alone->source, err);
}

static int make_stack(struct alone *alone, struct err *err)
{
	const struct alone_options *options = alone->options;
	struct stack_config config = { .mtu = options->mtu,
		.send = send_down,
		.data = alone,
		.host_loopback = !options->no_host_loopback,
		.no_dns = options->no_dns,
		.ipv6 = options->ipv6,
		.outbound = options->outbound };

	alone->lan = (struct frame_lan){ .network = options->network,
		.mask = { htonl(UINT32_MAX << (32 - options->prefix)) },
		.gateway = alone_address(options, ALONE_GATEWAY),
		.nameserver = alone_address(options, ALONE_DNS),
		.dns = options->no_dns ? FRAME_DNS_NONE : FRAME_DNS_DIRECT };
	config.lan = alone->lan;
	return stack_new(alone->loop, &config, &alone->stack, err);
}

static int say_ready(int fd, struct err *err)
{
	if (fd < 0)
		return 0;
	if (write(fd, "1", 1) != 1)
		return err_sys(err, "write to the ready descriptor");
	(void)close(fd);
	return 0;
}

static int run(struct alone *alone, struct err *err)
{
	TRY(alone->tap = alone_open_tap(alone->options, err));
	if (alone->options->api) /* before its path is out of reach */
		TRY(alone->api_listener = alone_api_listen(alone->options->api, err));
	if (alone->options->sandbox)
		TRY(alone_enter_sandbox(alone->options, err));
	TRY(loop_new(&alone->loop, err));
	TRY(make_stack(alone, err));
	TRY(watch(alone, err));
	TRY(lock_in_alone(err));
	TRY(say_ready(alone->options->ready_fd, err));
	return loop_run(alone->loop, err);
}

int alone_run(const struct alone_options *options, struct err *err)
{
	autofree struct alone *alone = calloc(1, sizeof(*alone));
	int r;

	if (!alone)
		return err_set(err, -ENOMEM, "out of memory");
	alone->options = options;
	alone->tap = alone->api_listener = -EBADF;
	r = run(alone, err);
	if (!alone->api)
		fd_drop(&alone->api_listener);
	alone_api_stop(alone->api);
	stack_free(alone->stack);
	if (alone->loop)
		loop_free(alone->loop);
	fd_drop(&alone->tap);
	return r;
}
