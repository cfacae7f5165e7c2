/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stack.h. Invariant: watched[fd] says what the epoll set holds for fd; libslirp tells us before
 * it closes a socket (unregister) and after it makes one (register), so a reused number never inherits
 * an entry. libslirp's warnings about hostile frames are dropped: a member could fill the disk with them.
 */
#include "netstack/stack.h"

#include <errno.h>
#include <libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"

#define EVENTS 256

struct watch {
	uint32_t events;     /* in the epoll set; 0 = not there */
	uint32_t round;      /* of the last fill that named it */
	int ready;           /* SLIRP_POLL_*, only during a delivery */
	struct share *share; /* whose socket it is, NULL = nobody's */
	share_tag tag;
};

/* libslirp keeps pointers to them. */
struct outbound {
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct stack {
	Slirp *slirp;
	SlirpCb callbacks;
	struct loop *loop;
	struct loop_source *epoll_source, *timer;
	stack_send_fn send;
	void *data;
	int epoll;
	int64_t due; /* ms, when the timer fires; 0 = not armed */
	struct watch *watched;
	size_t n_watched;
	int *active, n_active; /* descriptors this round named, */
	int *before, n_before; /* and the round before: the epoll set until settled */
	uint32_t round;
	struct outbound outbound;
	struct share *speaker; /* whose frame libslirp has, */
	const uint8_t *frame;  /* and which */
	size_t len;
	bool heard_arp; /* since the last look */
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static ssize_t cb_send(const void *frame, size_t len, void *opaque)
{
	struct stack *stack = opaque;
	uint8_t head[STACK_HEAD];
	size_t head_len = len < sizeof(head) ? len : sizeof(head);

	memcpy(head, frame, head_len);
	stack->send(stack->data, head, head_len, (const uint8_t *)frame + head_len, len - head_len);
	return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
}

static int64_t cb_clock(void *opaque)
{
	return now_ns();
}

/* Timers of libslirp serve IPv6 router advertisements only, which are off: one object that never
 * fires stands for all of them. */
static void *cb_timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
	return opaque;
}

static void *cb_timer_new_opaque(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	return opaque;
}

static void cb_timer_free(void *timer, void *opaque)
{
}

static void cb_timer_mod(void *timer, int64_t expire, void *opaque)
{
}

static void forget(struct stack *stack, int fd)
{
	if (fd >= 0 && (size_t)fd < stack->n_watched && stack->watched[fd].events) {
		(void)epoll_ctl(stack->epoll, EPOLL_CTL_DEL, fd, NULL); /* may be gone already */
		stack->watched[fd].events = 0;
	}
}

static void disown(struct watch *watch)
{
	if (watch->share)
		share_closed(watch->share, watch->tag);
	watch->share = NULL;
}

static void cb_unregister(int fd, void *opaque)
{
	struct stack *stack = opaque;

	forget(stack, fd);
	if (fd >= 0 && (size_t)fd < stack->n_watched)
		disown(&stack->watched[fd]);
}

static void cb_notify(void *opaque)
{
}

static void cb_init_completed(Slirp *slirp, void *opaque)
{
}

static bool grow(struct stack *stack, size_t need)
{
	size_t n = stack->n_watched ? stack->n_watched : 64;
	struct watch *watched;
	int *active, *before;

	while (n < need)
		n *= 2;
	watched = realloc(stack->watched, n * sizeof(*watched));
	if (!watched)
		return false;
	memset(watched + stack->n_watched, 0, (n - stack->n_watched) * sizeof(*watched));
	stack->watched = watched;
	active = realloc(stack->active, n * sizeof(*active));
	if (!active)
		return false;
	stack->active = active;
	before = realloc(stack->before, n * sizeof(*before));
	if (!before)
		return false;
	stack->before = before;
	stack->n_watched = n; /* last: the three arrays are this long */
	return true;
}

static void cb_register(int fd, void *opaque)
{
	struct stack *stack = opaque;
	struct watch *watch;

	cb_unregister(fd, opaque);
	if (fd < 0 || !stack->speaker ||
		((size_t)fd >= stack->n_watched && !grow(stack, (size_t)fd + 1)))
		return; /* out of memory: this one does not count */
	watch = &stack->watched[fd];
	watch->share = stack->speaker;
	watch->tag = share_opened(stack->speaker, stack->frame, stack->len);
}

static uint32_t to_epoll(int events)
{
	return ((events & SLIRP_POLL_IN) ? EPOLLIN : 0) |
	       ((events & SLIRP_POLL_OUT) ? EPOLLOUT : 0) |
	       ((events & SLIRP_POLL_PRI) ? EPOLLPRI : 0) | EPOLLERR | EPOLLHUP;
}

static int from_epoll(uint32_t events)
{
	return ((events & EPOLLIN) ? SLIRP_POLL_IN : 0) |
	       ((events & EPOLLOUT) ? SLIRP_POLL_OUT : 0) |
	       ((events & EPOLLPRI) ? SLIRP_POLL_PRI : 0) |
	       ((events & EPOLLERR) ? SLIRP_POLL_ERR : 0) |
	       ((events & EPOLLHUP) ? SLIRP_POLL_HUP : 0);
}

/* libslirp asks before every sleep; the index it gets back is the descriptor itself. */
static int cb_add_poll(int fd, int events, void *opaque)
{
	struct stack *stack = opaque;
	struct epoll_event event = { .events = to_epoll(events), .data.fd = fd };
	struct watch *watch;

	if (fd < 0 || ((size_t)fd >= stack->n_watched && !grow(stack, (size_t)fd + 1)))
		return -1; /* out of memory: this socket waits for better times */
	watch = &stack->watched[fd];
	if (watch->round != stack->round) {
		watch->round = stack->round;
		stack->active[stack->n_active++] = fd;
	}
	if (watch->events == event.events)
		return fd;
	if (!watch->events ||
		(epoll_ctl(stack->epoll, EPOLL_CTL_MOD, fd, &event) < 0 && errno == ENOENT))
		(void)epoll_ctl(stack->epoll, EPOLL_CTL_ADD, fd, &event);
	watch->events = event.events;
	return fd;
}

static int cb_ready(int index, void *opaque)
{
	struct stack *stack = opaque;

	return index >= 0 && (size_t)index < stack->n_watched ? stack->watched[index].ready : 0;
}

static int arm_timer(struct stack *stack, uint32_t timeout, struct err *err)
{
	int64_t due = now_ns() / 1000000 + timeout;

	if (timeout == UINT32_MAX || (stack->due && stack->due <= due))
		return 0; /* firing early costs one look, setting it costs a system call per frame */
	stack->due = due;
	return loop_set_timer(stack->timer, timeout ? timeout : 1, 0, err);
}

int stack_settle(struct stack *stack, struct err *err)
{
	uint32_t timeout = UINT32_MAX;
	int *spare = stack->before;

	stack->before = stack->active;
	stack->n_before = stack->n_active;
	stack->active = spare;
	stack->n_active = 0;
	stack->round++;
	slirp_pollfds_fill(stack->slirp, &timeout, cb_add_poll, stack);
	for (int i = 0; i < stack->n_before; i++) {
		if (stack->watched[stack->before[i]].round != stack->round)
			forget(stack, stack->before[i]);
	}
	if (stack->heard_arp)
		timeout = 0; /* packets that waited for it leave when libslirp looks again */
	stack->heard_arp = false;
	return arm_timer(stack, timeout, err);
}

static int deliver(struct stack *stack, struct err *err)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(stack->epoll, events, EVENTS, 0);

	for (int i = 0; i < n; i++)
		stack->watched[events[i].data.fd].ready = from_epoll(events[i].events);
	slirp_pollfds_poll(stack->slirp, n < 0, cb_ready, stack);
	for (int i = 0; i < n; i++)
		stack->watched[events[i].data.fd].ready = 0;
	return stack_settle(stack, err);
}

static int on_ready(void *data, int fd, uint32_t events, struct err *err)
{
	return deliver(data, err);
}

static int on_timer(void *data, struct err *err)
{
	struct stack *stack = data;

	stack->due = 0;
	return deliver(stack, err);
}

/* The resolver's own address there is the last one: ours answers on the IPv4 gateway. */
static void set_prefix6(const struct in6_addr *gateway, SlirpConfig *ret)
{
	if (IN6_IS_ADDR_UNSPECIFIED(gateway))
		return;
	ret->in6_enabled = true;
	ret->vhost6 = ret->vprefix_addr6 = ret->vnameserver6 = *gateway;
	memset(ret->vprefix_addr6.s6_addr + 8, 0, 8);
	memset(ret->vnameserver6.s6_addr + 8, 0xff, 8);
}

static SlirpConfig make_config(const struct stack_config *config, struct outbound *outbound)
{
	outbound->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = config->outbound };
	outbound->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
		.sin6_addr = config->outbound6 };
	return (SlirpConfig){
		.version = STACK_CONFIG_VERSION,
		.in_enabled = true,
		.in6_enabled = config->ipv6,
		.vprefix_addr6 = { .s6_addr = { 0xfd } },
		.vprefix_len = 64,
		.vhost6 = { .s6_addr = { 0xfd, [15] = 2 } },
		.vnameserver6 = { .s6_addr = { 0xfd, [15] = 3 } },
		.vnetwork = config->lan.network,
		.vnetmask = config->lan.mask,
		.vhost = config->lan.gateway,
		.vnameserver = config->lan.nameserver,
		.if_mtu = (size_t)config->mtu,
		.if_mru = (size_t)config->mtu,
		.disable_host_loopback = !config->host_loopback,
		.disable_dns = config->no_dns,
		.outbound_addr = config->outbound.s_addr ? &outbound->v4 : NULL,
		.outbound_addr6 = IN6_IS_ADDR_UNSPECIFIED(&config->outbound6) ? NULL
									      : &outbound->v6,
		.disable_dhcp = true,
		/* no tftp_path, bootfile, emulation: left zero */
	};
}

int stack_new(
	struct loop *loop, const struct stack_config *config, struct stack **ret, struct err *err)
{
	struct stack *stack = calloc(1, sizeof(*stack));
	SlirpConfig slirp_config;
	int r;

	if (!stack)
		return err_set(err, -ENOMEM, "out of memory");
	slirp_config = make_config(config, &stack->outbound);
	set_prefix6(&config->lan.gateway6, &slirp_config);
	stack->loop = loop;
	stack->send = config->send;
	stack->data = config->data;
	stack->callbacks = (SlirpCb){
		.send_packet = cb_send,
		.guest_error = cb_guest_error,
		.clock_get_ns = cb_clock,
		.timer_new = cb_timer_new,
		.timer_free = cb_timer_free,
		.timer_mod = cb_timer_mod,
		.register_poll_fd = cb_register,
		.unregister_poll_fd = cb_unregister,
		.notify = cb_notify,
		.init_completed = cb_init_completed,
		.timer_new_opaque = cb_timer_new_opaque,
	};
	stack->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (stack->epoll < 0) {
		r = err_sys(err, "epoll_create1");
		free(stack);
		return r;
	}
	r = loop_add_fd(loop, stack->epoll, EPOLLIN, on_ready, stack, &stack->epoll_source, err);
	if (r == 0)
		r = loop_add_timer(loop, 0, 0, on_timer, stack, &stack->timer, err);
	if (r == 0) {
		stack->slirp = slirp_new(&slirp_config, &stack->callbacks, stack);
		if (!stack->slirp)
			r = err_set(err, -EINVAL, "libslirp refuses this network's addresses");
		else /* sets its clock: a UDP socket made before that looks long expired */
			slirp_pollfds_poll(stack->slirp, 1, cb_ready, stack);
	}
	if (r < 0) {
		stack_free(stack);
		return r;
	}
	*ret = stack;
	return 0;
}

void stack_free(struct stack *stack)
{
	if (!stack)
		return;
	if (stack->slirp)
		slirp_cleanup(stack->slirp);
	loop_del(stack->epoll_source);
	loop_del(stack->timer);
	fd_drop(&stack->epoll);
	free(stack->watched);
	free(stack->active);
	free(stack->before);
	free(stack);
}

void stack_input(struct stack *stack, const uint8_t *frame, size_t len)
{
	slirp_input(stack->slirp, frame, (int)len);
	stack->heard_arp = stack->heard_arp || frame_type(frame, len) == FRAME_ARP;
}

void stack_input_of(struct stack *stack, struct share *share, const uint8_t *frame, size_t len)
{
	if (!share_admits(share, frame, len))
		return;
	stack->speaker = share;
	stack->frame = frame;
	stack->len = len;
	stack_input(stack, frame, len);
	stack->speaker = NULL;
}

void stack_forget(struct stack *stack, const struct share *share)
{
	for (size_t i = 0; i < stack->n_watched; i++) {
		if (stack->watched[i].share == share)
			stack->watched[i].share = NULL;
	}
}

int stack_forward(struct stack *stack, bool udp, const struct sockaddr_in *host,
	const struct sockaddr_in *guest, struct err *err)
{
	if (slirp_add_hostxfwd(stack->slirp, (const struct sockaddr *)host, sizeof(*host),
		    (const struct sockaddr *)guest, sizeof(*guest),
		    udp ? SLIRP_HOSTFWD_UDP : 0) < 0)
		return err_sys(err, "forward port %u", ntohs(host->sin_port));
	return 0;
}

int stack_unforward(struct stack *stack, bool udp, const struct sockaddr_in *host, struct err *err)
{
	if (slirp_remove_hostxfwd(stack->slirp, (const struct sockaddr *)host, sizeof(*host),
		    udp ? SLIRP_HOSTFWD_UDP : 0) < 0)
		return err_set(err, -ENOENT, "port %u is not forwarded", ntohs(host->sin_port));
	return 0;
}

const char *stack_version(void)
{
	return slirp_version_string();
}
