/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a relay of connections in a program of its own can do: no namespaces, no limits, nobody's rights. What
 * a round trip and a request cost through it is the floor of a published port that a user without root can have.
 *
 *	bench-relay ADDRESS PORT TO-PORT      prints "up"; carries connections to the same address, port TO-PORT
 *
 * A read and a write per message and nothing kept: whoever does not read as fast as the other writes is cut off.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BATCH   128
#define MAX_FDS 4096

struct relay {
	struct sockaddr_in to;
	int epoll, listener;
	int peer[MAX_FDS]; /* of each descriptor, 0 = none */
	char data[65536];
};

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int watch(const struct relay *relay, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

	return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void end(struct relay *relay, int fd)
{
	int peer = relay->peer[fd];

	relay->peer[fd] = relay->peer[peer] = 0;
	(void)close(fd);
	(void)close(peer);
}

static void join(struct relay *relay, int fd)
{
	int on = 1, peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (peer < 0 || peer >= MAX_FDS || fd >= MAX_FDS ||
		connect(peer, (struct sockaddr *)&relay->to, sizeof(relay->to)) < 0 ||
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
		watch(relay, fd) < 0 || watch(relay, peer) < 0) {
		(void)close(fd); /* the client sees it */
		(void)close(peer);
		return;
	}
	relay->peer[fd] = peer;
	relay->peer[peer] = fd;
}

static void carry(struct relay *relay, int fd)
{
	ssize_t n;

	if (!relay->peer[fd])
		return; /* ended by an event before this one */
	n = recv(fd, relay->data, sizeof(relay->data), MSG_DONTWAIT);
	if (n <= 0 || send(relay->peer[fd], relay->data, (size_t)n, MSG_NOSIGNAL) != n)
		end(relay, fd);
}

static void accept_all(struct relay *relay)
{
	int fd;

	while ((fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		join(relay, fd);
}

static _Noreturn void serve(struct relay *relay)
{
	struct epoll_event events[BATCH];

	for (;;) {
		int n = epoll_wait(relay->epoll, events, BATCH, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd == relay->listener)
				accept_all(relay);
			else
				carry(relay, events[i].data.fd);
		}
	}
}

int main(int argc, char **argv)
{
	static struct relay relay;
	struct sockaddr_in at = { .sin_family = AF_INET };
	int on = 1;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
		return 2;
	relay.to = at;
	at.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	relay.to.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
	relay.epoll = epoll_create1(EPOLL_CLOEXEC);
	relay.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(
		relay.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* bind() tells */
	if (bind(relay.listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		listen(relay.listener, 1024) < 0 || watch(&relay, relay.listener) < 0)
		return fail("listen");
	puts("up");
	(void)fflush(stdout);
	serve(&relay);
}
