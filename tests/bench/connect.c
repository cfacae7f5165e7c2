/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short connections as fast as two cores can: either end, without an interpreter in the way.
 *
 *	bench-connect serve ADDRESS PORT          prints "up"; answers each byte with itself
 *	bench-connect ADDRESS PORT COUNT AT-ONCE  prints "PER-SECOND LOST"
 *
 * A connection is made, carries a byte there and back and is closed by the client.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

struct run {
	struct sockaddr_in to;
	int epoll, left, open, lost;
};

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		(void)close(fd); /* the other end counts it as lost */
}

static void answer(int fd)
{
	char data[256];
	ssize_t n = recv(fd, data, sizeof(data), 0);

	if (n <= 0 || send(fd, data, (size_t)n, MSG_NOSIGNAL) != n)
		(void)close(fd);
}

static int serve(const struct sockaddr_in *at)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), on = 1,
	    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct epoll_event events[BATCH];

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* bind() tells */
	if (bind(listener, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
		listen(listener, 4096) < 0)
		return fail("listen");
	watch(epoll, listener, EPOLLIN);
	puts("up");
	(void)fflush(stdout);
	for (;;) {
		int n = epoll_wait(epoll, events, BATCH, -1), fd;

		for (int i = 0; i < n; i++) {
			if (events[i].data.fd != listener)
				answer(events[i].data.fd);
			else
				while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0)
					watch(epoll, fd, EPOLLIN);
		}
	}
}

static void begin(struct run *run)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	run->left--;
	if (fd < 0 || (connect(fd, (struct sockaddr *)&run->to, sizeof(run->to)) < 0 &&
			      errno != EINPROGRESS)) {
		run->lost++;
		(void)close(fd);
		return;
	}
	watch(run->epoll, fd, EPOLLOUT | EPOLLONESHOT);
	run->open++;
}

static void go_on(struct run *run, const struct epoll_event *ready)
{
	int fd = ready->data.fd;
	char byte = 'x';
	struct epoll_event next = { .events = EPOLLIN, .data.fd = fd };

	if (ready->events & EPOLLOUT && !(ready->events & (EPOLLERR | EPOLLHUP)) &&
		send(fd, &byte, 1, MSG_NOSIGNAL) == 1 &&
		epoll_ctl(run->epoll, EPOLL_CTL_MOD, fd, &next) == 0)
		return;
	if (recv(fd, &byte, 1, MSG_DONTWAIT) != 1)
		run->lost++;
	(void)close(fd);
	run->open--;
}

static int measure(struct run *run, int count, int at_once)
{
	struct epoll_event events[BATCH];
	struct timespec from, to;
	double took;

	run->left = count;
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	clock_gettime(CLOCK_MONOTONIC, &from);
	while (run->left > 0 || run->open > 0) {
		int n;

		while (run->open < at_once && run->left > 0)
			begin(run);
		n = epoll_wait(run->epoll, events, BATCH, 10000);
		if (n == 0) { /* what is open never ends */
			run->lost += run->open;
			break;
		}
		for (int i = 0; i < n; i++)
			go_on(run, &events[i]);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	took = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	printf("%.0f %d\n", count / took, run->lost);
	return 0;
}

int main(int argc, char **argv)
{
	struct run run = { .to = { .sin_family = AF_INET } };
	bool server = argc == 4 && strcmp(argv[1], "serve") == 0;

	if (!server && argc != 5)
		return 2;
	argv += server;
	if (inet_pton(AF_INET, argv[1], &run.to.sin_addr) != 1)
		return 2;
	run.to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	return server ? serve(&run.to)
		      : measure(&run, (int)strtol(argv[3], NULL, 10),
				(int)strtol(argv[4], NULL, 10));
}
