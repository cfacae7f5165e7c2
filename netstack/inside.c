/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/inside.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/own.h"
#include "network/wire.h"

struct sockaddr_in inside_source(const struct inside *inside, const union syn_address *client)
{
	struct sockaddr_in source = { .sin_family = AF_INET, .sin_addr = inside->gateway };
	uint32_t address = ntohl(client->in.sin_addr.s_addr);

	if (client->any.sa_family == AF_INET && address >> 24 != 127 && address >> 24 != 0 &&
		client->in.sin_addr.s_addr != inside->address.s_addr)
		source = client->in;
	return source;
}

/* The client's port may be taken by an earlier connection of it to another published port. Of any port, bind() would
 * look for one that nobody has at all, milliseconds when thousands are in TIME_WAIT; connect() only wants one that
 * this destination has not. */
static int take_source(int fd, struct sockaddr_in source)
{
	const int on = 1, mark = WIRE_MARK_CLIENT;

	if (setsockopt(fd, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof(on)) < 0 ||
		(!source.sin_port &&
			setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0) ||
		setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&source, sizeof(source)) == 0)
		return 0;
	source.sin_port = 0;
	return bind(fd, (struct sockaddr *)&source, sizeof(source)) < 0 ? -errno : 0;
}

static int new_socket(int family)
{
	const int on = 1;
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* a known option */
	return fd;
}

static int start(int fd, const struct sockaddr *to, socklen_t len, bool *ret_connecting)
{
	*ret_connecting = false;
	if (connect(fd, to, len) == 0)
		return 0;
	*ret_connecting = errno == EINPROGRESS;
	return *ret_connecting ? 0 : -errno;
}

static int connect_from(
	const struct sockaddr_in *source, const struct sockaddr_in *to, bool *ret_connecting)
{
	autofd int fd = new_socket(AF_INET);

	TRY(fd);
	if (source)
		TRY(take_source(fd, *source));
	TRY(start(fd, (const struct sockaddr *)to, sizeof(*to), ret_connecting));
	return move_fd(&fd);
}

int inside_connect6(const struct inside *inside, uint16_t port, bool *ret_connecting)
{
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = inside->address6
	};
	autofd int fd = -EBADF;

	if (IN6_IS_ADDR_UNSPECIFIED(&inside->address6))
		return -ECONNREFUSED;
	fd = new_socket(AF_INET6);
	TRY(fd);
	TRY(start(fd, (const struct sockaddr *)&to, sizeof(to), ret_connecting));
	return move_fd(&fd);
}

int inside_connect(const struct inside *inside, const union syn_address *client, uint16_t port,
	bool loopback, bool *ret_connecting)
{
	struct sockaddr_in source = inside_source(inside, client);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd;

	to.sin_addr = inside->address;
	if (loopback)
		to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!inside->keep_clients)
		return loopback ? -ECONNREFUSED : connect_from(NULL, &to, ret_connecting);
	fd = connect_from(&source, &to, ret_connecting);
	if (fd != -EADDRNOTAVAIL && fd != -EADDRINUSE)
		return fd;
	source.sin_port = 0; /* this client's port is still in TIME_WAIT inside */
	return connect_from(&source, &to, ret_connecting);
}
