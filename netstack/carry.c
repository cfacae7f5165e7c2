/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/carry.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netstack/datagram.h"
#include "netstack/stream.h"

#define BATCH         128
#define SHARED_BATCH  32 /* beside taps and libslirp */
#define ROUNDS        16
#define SHARED_ROUNDS 2
#define ACCEPTS       64   /* per turn and listener */
#define PAUSE_MS      1000 /* without descriptors, look again after this long */
#define FLOW_TICK_MS  5000

struct listener {
	enum carry_kind kind; /* CARRY_LISTENER or CARRY_DATAGRAM */
	int fd;
	uint16_t port; /* in the container */
};

int carry_watch(struct carry *carry, int op, int fd, uint32_t events, enum carry_kind *object)
{
	struct epoll_event event = { .events = events, .data.ptr = object };

	return epoll_ctl(carry->epoll, op, fd, &event);
}

static void accept_some(struct carry *carry, const struct listener *listener)
{
	for (int i = 0; i < ACCEPTS && !carry->paused; i++) {
		union syn_address client = { 0 };
		socklen_t len = sizeof(client);
		int fd = accept4(listener->fd, &client.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			stream_adopt(carry, fd, &client, listener->port);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			carry->paused = true;
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static void set_listeners(
	struct carry *carry, struct listener *listeners, size_t n, uint32_t events)
{
	for (size_t i = 0; i < n; i++) {
		if (listeners[i].kind == CARRY_LISTENER)
			(void)carry_watch(
				carry, EPOLL_CTL_MOD, listeners[i].fd, events, &listeners[i].kind);
	}
}

static int watch_ports(struct carry *carry, const struct published_list *ports,
	struct listener *listeners, size_t *ret_n, struct err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < ports->n * 2; i++) {
		const struct published *port = &ports->ports[i / 2];
		bool udp = port->want.proto == WIRE_UDP;

		if (port->fds[i % 2] < 0)
			continue;
		listeners[n] = (struct listener){
			.kind = udp ? CARRY_DATAGRAM : CARRY_LISTENER,
			.fd = port->fds[i % 2],
			.port = port->want.port,
		};
		if (carry_watch(
			    carry, EPOLL_CTL_ADD, listeners[n].fd, EPOLLIN, &listeners[n].kind) < 0)
			return err_sys(err, "epoll_ctl");
		n++;
	}
	*ret_n = n;
	return 0;
}

/* Returns false when the lifeline says that it is over. */
static bool handle(struct carry *carry, const struct epoll_event *event)
{
	enum carry_kind *kind = event->data.ptr;

	switch (*kind) {
	case CARRY_LIFELINE:
		return false;
	case CARRY_LISTENER:
		accept_some(carry, (struct listener *)(void *)kind);
		return true;
	case CARRY_STREAM:
		stream_event(carry, kind, event->events);
		return true;
	case CARRY_DATAGRAM:
		datagram_from_host(carry, ((struct listener *)(void *)kind)->fd,
			((struct listener *)(void *)kind)->port);
		return true;
	case CARRY_FLOW:
		datagram_from_inside(carry, kind);
		return true;
	case CARRY_CALL:
		((struct carry_call *)(void *)kind)
			->fn(carry, (struct carry_call *)(void *)kind, event->events);
		return true;
	}
	return true;
}

static int timeout_of(const struct carry *carry)
{
	if (carry->busy)
		return 0;
	if (carry->paused)
		return carry->freed ? 0 : PAUSE_MS;
	return datagram_count(carry) ? FLOW_TICK_MS : -1;
}

static void resume(struct carry *carry)
{
	const struct carry_held held = carry->held;

	carry->paused = carry->freed = carry->held.is = false;
	if (held.is)
		stream_adopt(carry, held.fd, &held.client, held.port);
}

static int serve(struct carry *carry, struct listener *listeners, size_t n, struct err *err)
{
	struct epoll_event events[BATCH];
	bool silent = false;

	for (;;) {
		int got = epoll_wait(carry->epoll, events, BATCH, timeout_of(carry));

		if (got < 0 && errno != EINTR)
			return err_sys(err, "epoll_wait");
		if (carry->paused && (carry->freed || got == 0))
			resume(carry);
		for (int i = 0; i < got; i++) {
			if (!handle(carry, &events[i]))
				return 0;
		}
		if (carry->paused != silent) {
			silent = carry->paused;
			set_listeners(carry, listeners, n, silent ? 0 : EPOLLIN);
		}
		stream_turn(carry);
		datagram_expire(carry);
	}
}

int carry_ports(const struct published_list *ports, const struct inside *inside, int lifeline,
	struct err *err)
{
	enum carry_kind lifeline_kind = CARRY_LIFELINE;
	autofree struct carry *carry = calloc(1, sizeof(*carry));
	autofree struct listener *listeners = calloc(ports->n * 2 + 1, sizeof(*listeners));
	size_t n = 0;

	if (!carry || !listeners)
		return err_set(err, -ENOMEM, "out of memory");
	carry->inside = *inside;
	carry->pace = ports->pace;
	carry->rounds = ROUNDS;
	carry->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (carry->epoll < 0 ||
		carry_watch(carry, EPOLL_CTL_ADD, lifeline, EPOLLIN, &lifeline_kind) < 0)
		return err_sys(err, "make an epoll set");
	TRY(watch_ports(carry, ports, listeners, &n, err));
	return serve(carry, listeners, n, err); /* the process ends with it: nothing is unwound */
}

static void on_spin(struct carry *carry, struct carry_call *call, uint32_t events)
{
}

/* Ready for the outer loop as long as a connection was stopped for fairness. */
static void set_spinning(struct carry *carry)
{
	if (carry->spinning == (carry->busy != NULL))
		return;
	carry->spinning = !carry->spinning;
	(void)carry_watch(carry, EPOLL_CTL_MOD, carry->spin, carry->spinning ? EPOLLIN : 0,
		&carry->spin_call.kind);
}

static int on_ready(void *data, int fd, uint32_t ready, struct err *err)
{
	struct carry *carry = data;
	struct epoll_event events[SHARED_BATCH];
	int n = epoll_wait(fd, events, SHARED_BATCH, 0);

	for (int i = 0; i < n; i++)
		(void)handle(carry, &events[i]); /* there is no lifeline in this set */
	stream_turn(carry);
	set_spinning(carry);
	return 0;
}

int carry_new(struct loop *loop, struct carry **ret, struct err *err)
{
	struct carry *carry = calloc(1, sizeof(*carry));
	int r;

	if (!carry)
		return err_set(err, -ENOMEM, "out of memory");
	carry->rounds = SHARED_ROUNDS;
	carry->pace = pace_find();
	carry->spin_call = (struct carry_call){ CARRY_CALL, on_spin };
	carry->epoll = epoll_create1(EPOLL_CLOEXEC);
	carry->spin = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	r = carry->epoll < 0 || carry->spin < 0 ||
			    carry_watch(carry, EPOLL_CTL_ADD, carry->spin, 0,
				    &carry->spin_call.kind) < 0
		    ? err_sys(err, "make an epoll set")
		    : loop_add_fd(
			      loop, carry->epoll, EPOLLIN, on_ready, carry, &carry->source, err);
	if (r < 0) {
		carry_free(carry);
		return r;
	}
	*ret = carry;
	return 0;
}

void carry_free(struct carry *carry)
{
	if (!carry)
		return;
	loop_del(carry->source);
	stream_turn(carry); /* frees the dead */
	stream_free_pipes(carry);
	fd_drop(&carry->epoll);
	fd_drop(&carry->spin);
	free(carry);
}
