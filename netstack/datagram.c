/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/own.h"

#define FLOWS_MAX   1024
#define BUCKETS     256
#define IDLE_MS     190000 /* longer than connections are tracked inside (180 s, replies.h) */
#define SWEEP_MS    5000
#define PER_TURN    32
#define CONTROL_MAX 64 /* one in6_pktinfo with its header, and room */

struct flow {
	enum carry_kind kind;
	int fd;      /* inside, connected */
	int host_fd; /* the published socket */
	union syn_address client;
	socklen_t client_len;
	uint16_t port;                                         /* inside */
	unsigned attempt;                                      /* the next one, inside.h */
	char control[CONTROL_MAX] __attribute__((aligned(8))); /* the host address it wrote to */
	size_t control_len;
	bool heard; /* somebody answers there */
	int64_t used;
	struct flow *next, *dead_next;
};

struct flows {
	struct flow *bucket[BUCKETS];
	size_t n;
	int64_t swept;
	struct flow *dead; /* an event of the same batch may point to it */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

size_t datagram_count(const struct carry *carry)
{
	return carry->flows ? carry->flows->n : 0;
}

static struct flow **bucket_of(struct flows *flows, int host_fd, const union syn_address *client)
{
	const uint8_t *bytes = (const uint8_t *)client;
	uint32_t hash = (uint32_t)host_fd;

	for (size_t i = 2; i < 28; i++) /* port and address of either family */
		hash = hash * 31 + bytes[i];
	return &flows->bucket[(hash ^ hash >> 16) % BUCKETS];
}

static void flow_end(struct flows *flows, struct flow **at)
{
	struct flow *flow = *at;

	*at = flow->next;
	fd_drop(&flow->fd);
	flow->dead_next = flows->dead;
	flows->dead = flow;
	flows->n--;
}

static struct flow **find_oldest(struct flows *flows)
{
	struct flow **oldest = NULL;

	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct flow **at = &flows->bucket[i]; *at; at = &(*at)->next) {
			if (!oldest || (*at)->used < (*oldest)->used)
				oldest = at;
		}
	}
	return oldest;
}

/* To the next address inside. An event of the same batch for the socket before finds nothing to read. */
static bool open_next(struct carry *carry, struct flow *flow)
{
	fd_drop(&flow->fd);
	flow->fd = inside_connect_udp(&carry->inside, &flow->client, flow->port, &flow->attempt);
	return flow->fd >= 0 &&
	       carry_watch(carry, EPOLL_CTL_ADD, flow->fd, EPOLLIN, &flow->kind) == 0;
}

/* Where nobody listens the kernel says so with the send, or with the next one: UDP may lose it. Somebody may listen at
 * another address; when nobody does the next datagram begins anew. */
static void send_inside(struct carry *carry, struct flow *flow, size_t len)
{
	for (;;) {
		int error = 0;
		socklen_t size = sizeof(error);

		if (flow->fd >= 0 && send(flow->fd, carry->buffer, len, MSG_NOSIGNAL) < 0)
			error = errno;
		else if (flow->fd >= 0 && !flow->heard)
			(void)getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (flow->fd >= 0 && (error != ECONNREFUSED || flow->heard))
			return;
		if (!open_next(carry, flow)) {
			fd_drop(&flow->fd);
			flow->attempt = 0;
			return;
		}
	}
}

static struct flow *flow_new(
	struct carry *carry, int host_fd, uint16_t port, const struct msghdr *msg)
{
	struct flows *flows = carry->flows;
	struct flow *flow, **bucket;

	if (flows->n >= FLOWS_MAX)
		flow_end(flows, find_oldest(flows));
	flow = calloc(1, sizeof(*flow));
	if (!flow)
		return NULL;
	flow->kind = CARRY_FLOW;
	flow->host_fd = host_fd;
	flow->port = port;
	memcpy(&flow->client, msg->msg_name, sizeof(flow->client));
	flow->client_len = msg->msg_namelen;
	flow->fd = -EBADF;
	bucket = bucket_of(flows, host_fd, &flow->client);
	flow->next = *bucket;
	*bucket = flow;
	flows->n++;
	return flow;
}

static struct flow *flow_find(struct carry *carry, int host_fd, const struct msghdr *msg)
{
	struct flow *flow = *bucket_of(carry->flows, host_fd, msg->msg_name);

	while (flow && (flow->host_fd != host_fd || flow->client_len != msg->msg_namelen ||
			       memcmp(&flow->client, msg->msg_name, msg->msg_namelen) != 0))
		flow = flow->next;
	return flow;
}

/* The kernel's packet information, kept as the answer's source: same structure, interface left to
 * the routes (the answer may have to leave through another one). */
static void keep_source(struct flow *flow, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t len = CMSG_SPACE(c->cmsg_len - CMSG_LEN(0));
		bool v4 = c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO;
		bool v6 = c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO;

		if ((!v4 && !v6) || len > sizeof(flow->control))
			continue;
		memcpy(flow->control, c, c->cmsg_len);
		flow->control_len = len;
		c = (struct cmsghdr *)(void *)flow->control;
		if (v4)
			((struct in_pktinfo *)(void *)CMSG_DATA(c))->ipi_ifindex = 0;
		return;
	}
}

void datagram_from_host(struct carry *carry, int fd, uint16_t port)
{
	union syn_address client;
	char control[CONTROL_MAX] __attribute__((aligned(8)));

	if (!carry->flows)
		carry->flows = calloc(1, sizeof(*carry->flows));
	for (int i = 0; i < PER_TURN && carry->flows; i++) {
		struct iovec iov = { carry->buffer, sizeof(carry->buffer) };
		struct msghdr msg = {
			.msg_name = &client,
			.msg_namelen = sizeof(client),
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct flow *flow;
		ssize_t n;

		memset(&client, 0, sizeof(client));
		n = recvmsg(fd, &msg, 0);
		if (n < 0)
			return;
		flow = flow_find(carry, fd, &msg);
		if (!flow)
			flow = flow_new(carry, fd, port, &msg);
		if (!flow)
			continue;
		keep_source(flow, &msg);
		flow->used = now_ms();
		send_inside(carry, flow, (size_t)n);
	}
}

void datagram_from_inside(struct carry *carry, enum carry_kind *object)
{
	struct flow *flow = (struct flow *)(void *)object;

	for (int i = 0; i < PER_TURN && flow->fd >= 0; i++) {
		ssize_t n = recv(flow->fd, carry->buffer, sizeof(carry->buffer), 0);
		struct iovec iov = { carry->buffer, n < 0 ? 0 : (size_t)n };
		struct msghdr msg = {
			.msg_name = &flow->client,
			.msg_namelen = flow->client_len,
			.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = flow->control,
			.msg_controllen = flow->control_len,
		};

		if (n < 0)
			return; /* empty, or ECONNREFUSED: nobody listens there */
		flow->heard = true;
		flow->used = now_ms();
		(void)sendmsg(flow->host_fd, &msg, MSG_NOSIGNAL); /* UDP may lose it */
	}
}

void datagram_expire(struct carry *carry)
{
	struct flows *flows = carry->flows;
	int64_t now;

	if (!flows)
		return;
	while (flows->dead) {
		struct flow *flow = flows->dead;

		flows->dead = flow->dead_next;
		free(flow);
	}
	now = now_ms();
	if (!flows->n || now - flows->swept < SWEEP_MS)
		return;
	flows->swept = now;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct flow **at = &flows->bucket[i];

		while (*at) {
			if (now - (*at)->used > IDLE_MS)
				flow_end(flows, at);
			else
				at = &(*at)->next;
		}
	}
}
