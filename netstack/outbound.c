/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See outbound.h. A flow is one connection from its SYN to its end: HELD while the host's connect() runs,
 * READY once the SYN was let go, JOINED with the member's socket. Its object is in the way's table until
 * then, so a SYN that is sent again finds it.
 */
#include "netstack/outbound.h"

#include <errno.h>
#include <limits.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "base/own.h"
#include "netstack/carry.h"
#include "netstack/stream.h"
#include "network/wire.h"

#define BUCKETS       256
#define SPARE_FDS     256   /* for taps, control sockets, libslirp */
#define PER_TURN      32    /* messages or accepted sockets; then the others have theirs */
#define READY_MS      20000 /* a client that gave up never comes for its connection */
#define SWEEP_MS      5000
#define PAUSE_MS      500 /* without descriptors, look again after this long */
#define QUEUE_BYTES   (16 * 1024)
#define SOL_IPV6_ORIG IPPROTO_IPV6
#define ORIGINAL_DST  SO_ORIGINAL_DST /* the same number for IPv6 */

enum flow_state { HELD, READY, JOINED };

struct flow {
	struct carry_call call; /* first: what the epoll set points to, while HELD */
	struct stream_owner owner;
	struct outbound_way *way;
	struct flow *next, **at; /* of the bucket, or of the joined ones */
	enum flow_state state;
	struct syn syn;
	int fd; /* the host's, until JOINED */
	int64_t since;
	struct conn *conn;
	struct outbound_pass *pass; /* or NULL */
	bool local;
};

struct outbound {
	struct loop *loop;
	struct loop_source *sweep;
	struct carry *carry;
	struct outbound_way *ways;
	unsigned n, max;
	bool paused; /* out of descriptors: the listeners are silent until the next sweep */
};

struct end {
	struct carry_call call; /* first */
	struct outbound_way *way;
	int fd;
};

struct outbound_way {
	struct outbound *outbound;
	struct outbound_way *next;
	struct end listener[2], queue;
	outbound_judge_fn judge;
	int (*pass)(void *data, const union syn_address *to, struct outbound_pass **ret);
	void (*local)(void *data, int fd);
	void *data;
	struct flow *bucket[BUCKETS], *joined;
	unsigned n;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail with this clock */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static struct flow **bucket_of(struct outbound_way *way, const union syn_address *from)
{
	return &way->bucket[ntohs(from->in.sin_port) %
			    BUCKETS]; /* sin6_port is at the same place */
}

static void link_flow(struct flow **head, struct flow *flow)
{
	flow->next = *head;
	flow->at = head;
	if (*head)
		(*head)->at = &flow->next;
	*head = flow;
}

static void unlink_flow(struct flow *flow)
{
	*flow->at = flow->next;
	if (flow->next)
		flow->next->at = flow->at;
}

static struct flow *find_flow(
	struct outbound_way *way, const union syn_address *from, const union syn_address *to)
{
	struct flow *flow = *bucket_of(way, from);

	while (flow && !(syn_same(&flow->syn.from, from) && syn_same(&flow->syn.to, to)))
		flow = flow->next;
	return flow;
}

/* Before close(): the epoll set knows the open file, which others may hold as well (a listener's monitor, a relay
 * between fork and its clean-up), and would go on pointing to what is freed here. */
static void unwatch(struct carry *carry, int *fd)
{
	if (*fd >= 0)
		(void)carry_watch(carry, EPOLL_CTL_DEL, *fd, 0, NULL); /* if it is in the set */
	fd_drop(fd);
}

static void flow_end(struct flow *flow)
{
	unlink_flow(flow);
	unwatch(flow->way->outbound->carry, &flow->fd);
	if (flow->pass)
		flow->pass->done(flow->pass, flow->state == JOINED ? flow->owner.bytes : NULL);
	flow->way->n--;
	flow->way->outbound->n--;
	free(flow);
}

static void on_closed(struct stream_owner *owner)
{
	flow_end((struct flow *)(void *)((char *)owner - offsetof(struct flow, owner)));
}

/* A member may have as many as are left for the others. */
static bool has_room(const struct outbound_way *way)
{
	const struct outbound *outbound = way->outbound;

	return outbound->n < outbound->max && way->n < outbound->max - outbound->n;
}

static int connect_out(const struct outbound_way *way, const union syn_address *to)
{
	int on = 1;
	autofd int fd = socket(to->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a known option */
	pace_off(&way->outbound->carry->pace, fd);
	if (connect(fd, &to->any, syn_address_len(to)) < 0 && errno != EINPROGRESS)
		return -errno;
	return move_fd(&fd);
}

static uint32_t mark_of(int code)
{
	switch (-code) {
	case ECONNREFUSED:
	case ECONNRESET:
	case EACCES: /* a firewall of the host's */
	case EPERM:
		return WIRE_MARK_REFUSED;
	case ENETUNREACH:
	case EAFNOSUPPORT:
	case EADDRNOTAVAIL:
		return WIRE_MARK_NO_ROUTE;
	default:
		return WIRE_MARK_NO_HOST;
	}
}

static void on_connected(struct carry *carry, struct carry_call *call, uint32_t events)
{
	struct flow *flow = (struct flow *)(void *)call;
	int error = 0, queue = flow->way->queue.fd;
	socklen_t len = sizeof(error);

	if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		return;
	if (getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = EHOSTUNREACH;
	(void)carry_watch(carry, EPOLL_CTL_DEL, flow->fd, 0, NULL); /* it was in the set */
	if (error) {
		if (error == ETIMEDOUT) /* the client's own clock runs as well */
			syn_drop(queue, flow->syn.id);
		else
			syn_accept(queue, flow->syn.id, mark_of(-error));
		flow_end(flow);
		return;
	}
	pace_settle(&carry->pace, flow->fd);
	flow->state = READY;
	flow->since = now_ms();
	syn_accept(queue, flow->syn.id, WIRE_MARK_TURN);
}

static struct flow *flow_new(struct outbound_way *way, const struct syn *syn, int fd)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow) {
		fd_drop(&fd); /* never used */
		return NULL;
	}
	flow->call = (struct carry_call){ CARRY_CALL, on_connected };
	flow->owner.closed = on_closed;
	flow->way = way;
	flow->syn = *syn;
	flow->fd = fd;
	flow->since = now_ms();
	link_flow(bucket_of(way, &syn->from), flow);
	way->n++;
	way->outbound->n++;
	return flow;
}

static int find_pass(
	struct outbound_way *way, const union syn_address *to, struct outbound_pass **ret)
{
	return way->pass ? way->pass(way->data, to, ret) : 0;
}

/* Ours to answer: it stands as soon as it is accepted. */
static void start_local(struct outbound_way *way, const struct syn *syn)
{
	struct flow *flow = has_room(way) ? flow_new(way, syn, -EBADF) : NULL;

	if (!flow) {
		syn_drop(way->queue.fd, syn->id);
		return;
	}
	flow->local = true;
	flow->state = READY;
	syn_accept(way->queue.fd, syn->id, WIRE_MARK_TURN);
}

/* Asks, connects, and answers at once where the answer is known. */
static void start_flow(struct outbound_way *way, const struct syn *syn)
{
	union syn_address to = syn->to;
	struct flow *flow;
	int fd;

	switch (way->judge(way->data, &to)) {
	case OUTBOUND_LIBSLIRP:
		syn_accept(way->queue.fd, syn->id, 0);
		return;
	case OUTBOUND_REFUSE:
		syn_accept(way->queue.fd, syn->id, WIRE_MARK_REFUSED);
		return;
	case OUTBOUND_LOCAL:
		start_local(way, syn);
		return;
	case OUTBOUND_CONNECT:
		break;
	}
	if (!has_room(way)) {
		syn_drop(way->queue.fd, syn->id); /* it comes again in a second */
		return;
	}
	fd = connect_out(way, &to);
	if (fd < 0) {
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
			syn_drop(way->queue.fd, syn->id);
		else
			syn_accept(way->queue.fd, syn->id, mark_of(fd));
		return;
	}
	flow = flow_new(way, syn, fd);
	if (!flow) {
		syn_drop(way->queue.fd, syn->id);
		return;
	}
	if (find_pass(way, &to, &flow->pass) < 0 || carry_watch(way->outbound->carry, EPOLL_CTL_ADD,
							    fd, EPOLLOUT, &flow->call.kind) < 0) {
		flow_end(flow);
		syn_drop(way->queue.fd, syn->id);
	}
}

static void on_syn(struct outbound_way *way, const struct syn *syn)
{
	int queue = way->queue.fd;
	struct flow *known;

	if (syn->to.any.sa_family == AF_UNSPEC ||
		way->listener[syn->to.any.sa_family == AF_INET6].fd < 0) {
		syn_accept(queue, syn->id, 0);
		return;
	}
	known = find_flow(way, &syn->from, &syn->to);
	if (!known)
		start_flow(way, syn);
	else if (known->state == HELD)
		syn_drop(queue, syn->id); /* the one before is still waiting */
	else
		syn_accept(queue, syn->id, WIRE_MARK_TURN);
}

static void on_queue(struct carry *carry, struct carry_call *call, uint32_t events)
{
	struct end *end = (struct end *)(void *)call;
	uint8_t data[QUEUE_BYTES] __attribute__((aligned(8)));
	size_t used;

	for (int i = 0; i < PER_TURN; i++) {
		ssize_t n = recv(end->fd, data, sizeof(data), MSG_DONTWAIT);

		if (n <= 0)
			return;
		for (size_t at = 0; at < (size_t)n; at += used) {
			struct syn syn;

			if (syn_parse(data + at, (size_t)n - at, &syn, &used))
				on_syn(end->way, &syn);
		}
	}
}

/* Where the connection wanted to go before it was turned. */
static int find_original(int fd, union syn_address *from, union syn_address *to)
{
	socklen_t from_len = sizeof(*from), len = sizeof(*to);
	int level;

	*from = *to = (union syn_address){ 0 };
	if (getpeername(fd, &from->any, &from_len) < 0)
		return -errno;
	level = from->any.sa_family == AF_INET6 ? SOL_IPV6_ORIG : IPPROTO_IP;
	return getsockopt(fd, level, ORIGINAL_DST, to, &len) < 0 ? -errno : 0;
}

static void join(struct flow *flow, int accepted, bool connecting)
{
	struct stream_pair pair = { .fds = { accepted, move_fd(&flow->fd) },
		.connecting = connecting,
		.owner = &flow->owner };

	if (flow->pass) {
		flow->owner.peek = flow->pass->peek;
		flow->owner.peek_data = flow->pass;
	}
	unlink_flow(flow);
	link_flow(&flow->way->joined, flow);
	flow->state = JOINED;
	flow->conn = stream_join(flow->way->outbound->carry, &pair);
	if (!flow->conn)
		flow_end(flow);
}

/* A connection whose SYN nobody held: the kernel cannot, or an sbx-netstack before us let it go. */
static void adopt_unasked(struct outbound_way *way, int *fd, struct syn *syn)
{
	union syn_address to = syn->to;
	enum outbound_verdict verdict = way->judge(way->data, &to);
	struct flow *flow;
	int out;

	if (verdict == OUTBOUND_LOCAL)
		way->local(way->data, move_fd(fd));
	if (verdict != OUTBOUND_CONNECT || !has_room(way))
		return;
	out = connect_out(way, &to);
	if (out < 0)
		return;
	flow = flow_new(way, syn, out);
	if (!flow)
		return;
	if (find_pass(way, &to, &flow->pass) < 0)
		flow_end(flow);
	else
		join(flow, move_fd(fd), true);
}

static void hand_over(struct flow *flow, int *fd)
{
	struct outbound_way *way = flow->way;

	flow_end(flow);
	way->local(way->data, move_fd(fd));
}

static void reset(int *fd)
{
	const struct linger now = { .l_onoff = 1 };

	if (*fd >= 0) /* close() then sends RST */
		(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	fd_drop(fd);
}

static void set_listeners(struct outbound *outbound, uint32_t events)
{
	for (struct outbound_way *way = outbound->ways; way; way = way->next) {
		for (int i = 0; i < 2; i++) {
			struct end *end = &way->listener[i];

			if (end->fd >= 0)
				(void)carry_watch(outbound->carry, EPOLL_CTL_MOD, end->fd, events,
					&end->call.kind);
		}
	}
}

/* What nobody can accept stays ready: the loop would come back to it at once, for ever. */
static void pause_listeners(struct outbound *outbound)
{
	struct err err = ERR_INIT;

	outbound->paused = loop_set_timer(outbound->sweep, PAUSE_MS, SWEEP_MS, &err) == 0;
	if (outbound->paused)
		set_listeners(outbound, 0);
}

static void on_accept(struct carry *carry, struct carry_call *call, uint32_t events)
{
	struct end *end = (struct end *)(void *)call;

	for (int i = 0; i < PER_TURN; i++) {
		int fd = accept4(end->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct syn syn = { 0 };
		struct flow *flow;

		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN)
				pause_listeners(end->way->outbound);
			return; /* it waits in the kernel */
		}
		if (find_original(fd, &syn.from, &syn.to) == 0) {
			flow = find_flow(end->way, &syn.from, &syn.to);
			if (flow && flow->local)
				hand_over(flow, &fd);
			else if (flow && flow->state == READY)
				join(flow, move_fd(&fd), false);
			else if (!flow)
				adopt_unasked(end->way, &fd, &syn);
		}
		reset(&fd);
	}
}

static void sweep_way(struct outbound_way *way, int64_t now)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct flow *next;

		for (struct flow *flow = way->bucket[i]; flow; flow = next) {
			next = flow->next;
			if (flow->state == READY && now - flow->since > READY_MS)
				flow_end(flow);
		}
	}
}

static int on_sweep(void *data, struct err *err)
{
	struct outbound *outbound = data;

	for (struct outbound_way *way = outbound->ways; way; way = way->next)
		sweep_way(way, now_ms());
	if (outbound->paused) {
		outbound->paused = false;
		set_listeners(outbound, EPOLLIN);
	}
	return 0;
}

int outbound_new(struct loop *loop, struct outbound **ret, struct err *err)
{
	struct outbound *outbound = calloc(1, sizeof(*outbound));
	struct rlimit limit;
	int r;

	if (!outbound)
		return err_set(err, -ENOMEM, "out of memory");
	outbound->loop = loop;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < SPARE_FDS * 2)
		limit.rlim_cur = SPARE_FDS * 2;
	if (limit.rlim_cur > INT_MAX)
		limit.rlim_cur = INT_MAX;
	outbound->max = (unsigned)(limit.rlim_cur - SPARE_FDS) / 2;
	r = carry_new(loop, &outbound->carry, err);
	if (r == 0)
		r = loop_add_timer(
			loop, SWEEP_MS, SWEEP_MS, on_sweep, outbound, &outbound->sweep, err);
	if (r < 0) {
		outbound_free(outbound);
		return r;
	}
	*ret = outbound;
	return 0;
}

void outbound_free(struct outbound *outbound)
{
	if (!outbound)
		return;
	loop_del(outbound->sweep);
	carry_free(outbound->carry);
	free(outbound);
}

static int watch(struct outbound_way *way, struct end *end, int fd, carry_fn fn)
{
	*end = (struct end){ { CARRY_CALL, fn }, way, fd };
	return fd < 0 ? 0
		      : carry_watch(
				way->outbound->carry, EPOLL_CTL_ADD, fd, EPOLLIN, &end->call.kind);
}

void outbound_gear_done(struct outbound_gear *gear)
{
	fd_drop(&gear->listener[0]);
	fd_drop(&gear->listener[1]);
	fd_drop(&gear->queue);
}

int outbound_open(struct outbound *outbound, struct outbound_gear *gear, struct outbound_way **ret,
	struct err *err)
{
	struct outbound_way *way = calloc(1, sizeof(*way));

	if (!way) {
		outbound_gear_done(gear);
		return err_set(err, -ENOMEM, "out of memory");
	}
	way->outbound = outbound;
	way->judge = gear->judge;
	way->pass = gear->pass;
	way->local = gear->local;
	way->data = gear->data;
	way->next = outbound->ways;
	outbound->ways = way;
	if ((watch(way, &way->queue, gear->queue, on_queue) |
		    watch(way, &way->listener[0], gear->listener[0], on_accept) |
		    watch(way, &way->listener[1], gear->listener[1], on_accept)) < 0) {
		outbound_close(way);
		return err_set(err, -ENOMEM, "watch the fast way out");
	}
	*ret = way;
	return 0;
}

void outbound_close(struct outbound_way *way)
{
	struct outbound_way **at;

	if (!way)
		return;
	for (at = &way->outbound->ways; *at != way;)
		at = &(*at)->next;
	*at = way->next;
	while (way->joined)
		stream_kill(way->outbound->carry, way->joined->conn);
	stream_turn(way->outbound->carry); /* frees them */
	for (size_t i = 0; i < BUCKETS; i++) {
		while (way->bucket[i])
			flow_end(way->bucket[i]);
	}
	unwatch(way->outbound->carry, &way->queue.fd);
	unwatch(way->outbound->carry, &way->listener[0].fd);
	unwatch(way->outbound->carry, &way->listener[1].fd);
	free(way);
}
