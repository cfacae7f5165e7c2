/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/inside.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "network/wire.h"

bool inside_is_shortage(int code)
{
	return code == -EMFILE || code == -ENFILE || code == -ENOMEM || code == -ENOBUFS;
}

static void set_v4(union syn_address *ret, struct in_addr address, uint16_t port)
{
	*ret = (union syn_address){
		.in = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = address }
	};
}

static void set_v6(union syn_address *ret, const struct in6_addr *address, uint16_t port)
{
	*ret = (union syn_address){
		.in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *address }
	};
}

bool inside_target(const struct inside *inside, const union syn_address *client, unsigned attempt,
	uint16_t port, union syn_address *ret)
{
	const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };
	bool v6 = (client->any.sa_family == AF_INET6) != (attempt >= 2), own = attempt % 2 == 0;

	if (v6 && IN6_IS_ADDR_UNSPECIFIED(&inside->address6))
		return false;
	if (v6)
		set_v6(ret, own ? &inside->address6 : &in6addr_loopback, port);
	else
		set_v4(ret, own ? inside->address : loopback, port);
	return true;
}

/* Of this machine alone, or of no machine: it would mean something else inside. */
static bool is_local(const union syn_address *client)
{
	const struct in6_addr *v6 = &client->in6.sin6_addr;
	uint32_t v4 = ntohl(client->in.sin_addr.s_addr);

	if (client->any.sa_family == AF_INET)
		return v4 >> 24 == 127 || v4 >> 24 == 0;
	return IN6_IS_ADDR_UNSPECIFIED(v6) || IN6_IS_ADDR_LOOPBACK(v6) ||
	       IN6_IS_ADDR_LINKLOCAL(v6) || IN6_IS_ADDR_MULTICAST(v6) || IN6_IS_ADDR_V4MAPPED(v6);
}

static bool is_containers(const struct inside *inside, const union syn_address *client)
{
	if (client->any.sa_family == AF_INET)
		return client->in.sin_addr.s_addr == inside->address.s_addr;
	return IN6_ARE_ADDR_EQUAL(&client->in6.sin6_addr, &inside->address6);
}

static bool is_loopback(const union syn_address *to)
{
	return to->any.sa_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&to->in6.sin6_addr)
					     : to->in.sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

/* A UDP socket on the loopback cannot send to any other address: its kernel looks for the way before our mark is on the
 * answer. */
static bool keeps(const struct inside *inside, int type, const union syn_address *to)
{
	bool v6 = to->any.sa_family == AF_INET6;

	if (type == SOCK_DGRAM && is_loopback(to))
		return false;
	if (type == SOCK_DGRAM)
		return v6 ? inside->keep_datagrams6 : inside->keep_datagrams;
	return v6 ? inside->keep_clients6 : inside->keep_clients;
}

bool inside_source(const struct inside *inside, int type, const union syn_address *client,
	const union syn_address *to, union syn_address *ret)
{
	bool v6 = to->any.sa_family == AF_INET6;

	if (!keeps(inside, type, to)) {
		if (v6)
			set_v6(ret, &inside->address6, 0);
		else
			set_v4(ret, inside->address, 0);
		return false;
	}
	if (client->any.sa_family == to->any.sa_family && !is_local(client) &&
		!is_containers(inside, client)) {
		*ret = *client;
		if (v6)
			ret->in6.sin6_flowinfo = ret->in6.sin6_scope_id = 0;
	} else if (v6) {
		set_v6(ret, &inside->gateway6, 0);
	} else {
		set_v4(ret, inside->gateway, 0);
	}
	return true;
}

static int make_foreign(int fd, bool v6)
{
	const int on = 1, mark = WIRE_MARK_CLIENT;

	if ((v6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TRANSPARENT, &on, sizeof(on))
		: setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on))) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

/* The client's port may be taken by an earlier connection of it to another published port. Of any port, bind() would
 * look for one that nobody has at all, milliseconds when thousands are in TIME_WAIT; connect() only wants one that
 * this destination has not. */
static int take_source(int fd, const union syn_address *source)
{
	const int on = 1;
	union syn_address any = *source;

	if (source->in.sin_port && bind(fd, &source->any, syn_address_len(source)) == 0)
		return 0;
	any.in.sin_port = 0; /* sin6_port is at the same place */
	/* an old kernel that does not know it for IPv6 is only slower */
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, &any.any, syn_address_len(&any)) < 0 ? -errno : 0;
}

static int new_socket(sa_family_t family, int type)
{
	const int on = 1;
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (type == SOCK_STREAM) /* a known option */
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static int start(int fd, const union syn_address *to, bool *ret_connecting)
{
	*ret_connecting = false;
	if (connect(fd, &to->any, syn_address_len(to)) == 0)
		return 0;
	*ret_connecting = errno == EINPROGRESS;
	return *ret_connecting ? 0 : -errno;
}

/* As `source`; whom nobody foreign can be leaves the choice to the kernel, but for the loopback, from where it would
 * choose the loopback. */
static int connect_as(const union syn_address *source, bool foreign, const union syn_address *to,
	bool *ret_connecting)
{
	autofd int fd = new_socket(to->any.sa_family, SOCK_STREAM);

	TRY(fd);
	if (foreign)
		TRY(make_foreign(fd, to->any.sa_family == AF_INET6));
	if (foreign || is_loopback(to))
		TRY(take_source(fd, source));
	TRY(start(fd, to, ret_connecting));
	return move_fd(&fd);
}

static int connect_once(const struct inside *inside, const union syn_address *client,
	const union syn_address *to, bool *ret_connecting)
{
	union syn_address source;
	bool foreign = inside_source(inside, SOCK_STREAM, client, to, &source);
	int fd = connect_as(&source, foreign, to, ret_connecting);

	if (!source.in.sin_port || (fd != -EADDRNOTAVAIL && fd != -EADDRINUSE))
		return fd;
	source.in.sin_port = 0; /* this client's port is still in TIME_WAIT inside */
	return connect_as(&source, foreign, to, ret_connecting);
}

int inside_connect(const struct inside *inside, const union syn_address *client, uint16_t port,
	unsigned *attempt, bool *ret_connecting)
{
	union syn_address to;
	int fd = -ECONNREFUSED;

	while (fd < 0 && *attempt < INSIDE_ATTEMPTS) {
		bool there = inside_target(inside, client, (*attempt)++, port, &to);

		if (there)
			fd = connect_once(inside, client, &to, ret_connecting);
		if (inside_is_shortage(fd))
			return fd;
	}
	return fd;
}

/* A client's port may be that of a socket inside, or of another flow of it; then it is any. */
static int connect_udp(
	const struct inside *inside, const union syn_address *client, const union syn_address *to)
{
	autofd int fd = new_socket(to->any.sa_family, SOCK_DGRAM);
	union syn_address source;

	TRY(fd);
	if (inside_source(inside, SOCK_DGRAM, client, to, &source))
		TRY(make_foreign(fd, to->any.sa_family == AF_INET6));
	TRY(take_source(fd, &source));
	if (connect(fd, &to->any, syn_address_len(to)) < 0)
		return -errno;
	return move_fd(&fd);
}

int inside_connect_udp(const struct inside *inside, const union syn_address *client, uint16_t port,
	unsigned *attempt)
{
	union syn_address to;
	int fd = -ECONNREFUSED;

	while (fd < 0 && *attempt < INSIDE_ATTEMPTS) {
		bool there = inside_target(inside, client, (*attempt)++, port, &to);

		if (there)
			fd = connect_udp(inside, client, &to);
		if (inside_is_shortage(fd))
			return fd;
	}
	return fd;
}
