/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/carry.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define MANY        64 /* descriptors a relay of the test may have */
#define PATIENCE_MS 20000

/* A relay in a child, from a port of the test's loopback to another one where the test listens. */
struct fixture {
	struct sockaddr_in at;
	int inside; /* listens */
	pid_t relay;
	int client[MANY], server[MANY];
	size_t n;
};

static int listener(struct sockaddr_in *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(*ret);

	*ret = (struct sockaddr_in){ .sin_family = AF_INET };
	ret->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)ret, sizeof(*ret)), 0);
	assert_int_equal(listen(fd, 256), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)ret, &len), 0);
	return fd;
}

static _Noreturn void relay_main(int outside, uint16_t port)
{
	struct published one = { .want = { .port = port }, .fds = { outside, -EBADF } };
	const struct published_list ports = { &one, 1 };
	const struct inside inside = { .address = { htonl(INADDR_LOOPBACK) } };
	const struct rlimit few = { MANY, MANY };
	struct err err = ERR_INIT;
	int pair[2];

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || setrlimit(RLIMIT_NOFILE, &few) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		_exit(2);
	_exit(carry_ports(&ports, &inside, pair[0], &err) < 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_in inside;
	int outside;

	assert_non_null(f);
	f->inside = listener(&inside);
	outside = listener(&f->at);
	f->relay = fork();
	assert_true(f->relay >= 0);
	if (f->relay == 0)
		relay_main(outside, ntohs(inside.sin_port));
	(void)close(outside);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)kill(f->relay, SIGKILL);
	(void)waitpid(f->relay, NULL, 0);
	(void)close(f->inside);
	for (size_t i = 0; i < f->n; i++) {
		(void)close(f->client[i]);
		(void)close(f->server[i]);
	}
	free(f);
	return 0;
}

static bool is_ready(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* One more connection through the relay, if it takes one within this time. */
static bool add(struct fixture *f, int ms)
{
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(client, (struct sockaddr *)&f->at, sizeof(f->at)), 0);
	f->client[f->n] = client;
	f->server[f->n] = is_ready(f->inside, ms) ? accept(f->inside, NULL, NULL) : -EBADF;
	return f->server[f->n++] >= 0;
}

static void talk(struct fixture *f)
{
	char byte = 'x';

	assert_int_equal(send(f->client[0], &byte, 1, 0), 1);
	assert_int_equal(recv(f->server[0], &byte, 1, 0), 1);
}

/* The relay's descriptors are used up; one connection goes on talking, so that it never has a quiet second. */
static void whoever_waited_for_a_descriptor_gets_one_though_others_talk(void **state)
{
	struct fixture *f = *state;
	bool came = false;

	while (add(f, f->n < 3 ? PATIENCE_MS : 1000)) /* the relay may take a while to start */
		talk(f);
	assert_true(f->n > 2);
	for (size_t i = 1; i < f->n - 1; i++) { /* not the talking one, not the one that waits */
		assert_int_equal(shutdown(f->client[i], SHUT_RDWR), 0);
		assert_int_equal(shutdown(f->server[i], SHUT_RDWR), 0);
	}
	for (int ms = 0; ms < PATIENCE_MS && !came; ms += 10) {
		talk(f);
		came = is_ready(f->inside, 10);
	}
	assert_true(came);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
	whoever_waited_for_a_descriptor_gets_one_though_others_talk, setup, teardown))
