/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"

#define BACKLOG    4096 /* the kernel cuts it to net.core.somaxconn */
#define TRIES      16   /* for one number that is free in both families */
#define UDP_BUFFER (1 << 20)

static void set_flag(int fd, int level, int option)
{
	int on = 1;

	(void)setsockopt(fd, level, option, &on, sizeof(on)); /* known options on our own socket */
}

static void set_options(int fd, int family, enum wire_proto proto)
{
	const struct pace pace = pace_find();
	int size = UDP_BUFFER;

	if (family == AF_INET6)
		set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (proto == WIRE_TCP) {
		set_flag(fd, SOL_SOCKET, SO_REUSEADDR); /* TIME_WAIT of the last run is no holder */
		set_flag(fd, IPPROTO_TCP, TCP_NODELAY); /* for those it accepts */
		pace_off(&pace, fd);
		return;
	}
	/* Answers must leave from the address the question came to. */
	set_flag(fd, family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP,
		family == AF_INET6 ? IPV6_RECVPKTINFO : IP_PKTINFO);
	(void)setsockopt(
		fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)); /* as much as is allowed */
}

static socklen_t make_address(
	const struct wire_port *want, int family, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (family == AF_INET6) {
		if (want->family)
			memcpy(&sin6.sin6_addr, want->addr, sizeof(sin6.sin6_addr));
		memcpy(ret, &sin6, sizeof(sin6));
		return sizeof(sin6);
	}
	if (want->family)
		memcpy(&sin.sin_addr, want->addr, sizeof(sin.sin_addr));
	memcpy(ret, &sin, sizeof(sin));
	return sizeof(sin);
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	uint16_t port;

	if (getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	memcpy(&port, (char *)&addr + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	return ntohs(port); /* sin6_port is at the same place */
}

static int open_one(const struct wire_port *want, int family, uint16_t port, struct err *err)
{
	int type = want->proto == WIRE_UDP ? SOCK_DGRAM : SOCK_STREAM;
	autofd int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage addr = { 0 };
	socklen_t len = make_address(want, family, port, &addr);

	if (fd < 0)
		return err_sys(err, "make a socket");
	set_options(fd, family, want->proto);
	if (bind(fd, (struct sockaddr *)&addr, len) < 0)
		return err_sys(err, "bind");
	if (type == SOCK_STREAM && listen(fd, BACKLOG) < 0)
		return err_sys(err, "listen"); /* EADDRINUSE may come as late as here */
	return move_fd(&fd);
}

static bool has_no_ipv6(int code)
{
	return code == -EAFNOSUPPORT || code == -EADDRNOTAVAIL || code == -EPROTONOSUPPORT;
}

static int open_both(struct published *port, struct err *err)
{
	autofd int v4 = open_one(&port->want, AF_INET, port->want.host_port, err), v6 = -EBADF;
	struct err err6 = ERR_INIT;

	TRY(v4);
	port->host_port = bound_port(v4);
	v6 = open_one(&port->want, AF_INET6, port->host_port, &err6);
	if (v6 < 0 && !has_no_ipv6(v6)) {
		*err = err6;
		return v6;
	}
	port->fds[0] = move_fd(&v4);
	port->fds[1] = v6 < 0 ? -EBADF : move_fd(&v6);
	return 0;
}

static int open_exactly(struct published *port, struct err *err)
{
	int r = -EIO;

	if (port->want.family) {
		port->fds[0] = open_one(&port->want, port->want.family, port->want.host_port, err);
		TRY(port->fds[0]);
		port->host_port = bound_port(port->fds[0]);
		return 0;
	}
	for (int i = 0; i < TRIES; i++) {
		r = open_both(port, err);
		if (r != -EADDRINUSE || port->want.host_port)
			return r;
	}
	return r;
}

/* Of a range, the first that is free. */
static int open_port(struct published *port, struct err *err)
{
	const struct wire_port want = port->want;
	int r = open_exactly(port, err);

	while (r == -EADDRINUSE && port->want.host_port < want.last) {
		port->want.host_port++;
		r = open_exactly(port, err);
	}
	if (r < 0)
		port->want = want;
	return r;
}

int published_open(const struct wire_port *want, size_t n, struct published_list *ret,
	size_t *ret_failed, struct err *err)
{
	struct published_list list = {
		.ports = calloc(n ? n : 1, sizeof(*list.ports)), .n = n, .pace = pace_find()
	};

	if (!list.ports)
		return err_set(err, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		list.ports[i].want = want[i];
		list.ports[i].fds[0] = list.ports[i].fds[1] = -EBADF;
	}
	for (size_t i = 0; i < n; i++) {
		int r = open_port(&list.ports[i], err);

		if (r < 0) {
			*ret_failed = i;
			published_close(&list);
			return r;
		}
	}
	*ret = list;
	return 0;
}

void published_hand_over(struct published_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		fd_drop(&list->ports[i].fds[0]);
		fd_drop(&list->ports[i].fds[1]);
	}
}

bool published_holds(const struct published_list *list, const struct wire_port *want)
{
	for (size_t i = 0; i < list->n; i++) {
		if (list->ports[i].host_port == want->host_port &&
			list->ports[i].want.proto == want->proto)
			return true;
	}
	return false;
}

void published_close(struct published_list *list)
{
	published_hand_over(list);
	free(list->ports);
	*list = (struct published_list){ 0 };
}
