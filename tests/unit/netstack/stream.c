/* SPDX-License-Identifier: Apache-2.0 */
/* Half-close, resets and bulk: tests/system/test_netstack.py. */
#include "netstack/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

#define STALLED 150
#define BYTES   (160 * 1024) /* each is sent */
#define LITTLE  4096         /* what a receiver that does not read takes */
#define WIDE    (4 * BYTES)
#define TICK_MS 2

struct one {
	int client, server; /* the test's; between them is a connection of the carry's */
	size_t sent, received;
	uint64_t passed;
	bool ended;
	struct stream_owner owner;
};

struct fixture {
	struct loop *loop;
	struct carry *carry;
	struct one ones[STALLED];
	size_t kept, same; /* same: ticks in a row in which nothing more was kept */
};

static struct one *one_of(struct stream_owner *owner)
{
	return (struct one *)(void *)((char *)owner - offsetof(struct one, owner));
}

static void on_closed(struct stream_owner *owner)
{
	one_of(owner)->ended = true;
	one_of(owner)->passed = owner->bytes[0];
}

/* ret[1] was accepted. */
static void tcp_pair(int sends, int receives, int ret[2])
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(setsockopt(ret[0], SOL_SOCKET, SO_SNDBUF, &sends, sizeof(sends)), 0);
	assert_int_equal(
		setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &receives, sizeof(receives)), 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(connect(ret[0], (struct sockaddr *)&at, sizeof(at)), 0);
	ret[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	assert_true(ret[1] >= 0);
	(void)close(listener);
}

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

/* All of it lies in buffers of the kernel's before anybody reads. */
static void send_all(struct one *one)
{
	static uint8_t data[BYTES];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = byte_at(i);
	while (one->sent < sizeof(data)) {
		ssize_t n = send(one->client, data + one->sent, sizeof(data) - one->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			break;
		one->sent += (size_t)n;
	}
	assert_true(one->sent > CARRY_BUFFER);
	assert_int_equal(shutdown(one->client, SHUT_WR), 0);
}

static void begin(struct fixture *f, struct one *one)
{
	int in[2], out[2];
	struct stream_pair pair = { .owner = &one->owner };

	tcp_pair(WIDE, WIDE, in);
	tcp_pair(LITTLE, LITTLE, out);
	one->client = in[0];
	one->server = out[1];
	one->owner.closed = on_closed;
	assert_int_equal(fcntl(out[0], F_SETFL, O_RDWR | O_NONBLOCK), 0);
	pair.fds[0] = in[1];
	pair.fds[1] = out[0];
	send_all(one);
	assert_non_null(stream_join(f->carry, &pair));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_INIT;

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(carry_new(f->loop, &f->carry, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < STALLED; i++) {
		(void)close(f->ones[i].client);
		(void)close(f->ones[i].server);
	}
	carry_free(f->carry);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int on_still(void *data, struct err *err)
{
	struct fixture *f = data;

	f->same = f->carry->kept == f->kept ? f->same + 1 : 0;
	f->kept = f->carry->kept;
	if (f->kept >= CARRY_KEPT_MAX && f->same > 50)
		loop_quit(f->loop, 0);
	return 0;
}

static bool drain(struct one *one)
{
	uint8_t data[LITTLE];
	ssize_t n;

	while ((n = recv(one->server, data, sizeof(data), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(data[i], byte_at(one->received++));
	}
	if (n == 0) /* the other direction ends as well */
		(void)shutdown(one->server, SHUT_WR);
	else
		assert_int_equal(errno, EAGAIN);
	return n == 0 && one->ended;
}

static int on_drain(void *data, struct err *err)
{
	struct fixture *f = data;
	bool all = true;

	for (size_t i = 0; i < STALLED; i++)
		all &= drain(&f->ones[i]);
	if (all)
		loop_quit(f->loop, 0);
	return 0;
}

static void run(struct fixture *f, loop_timer_fn fn)
{
	struct loop_source *timer;
	struct err err = ERR_INIT;

	assert_int_equal(loop_add_timer(f->loop, TICK_MS, TICK_MS, fn, f, &timer, &err), 0);
	assert_int_equal(loop_run(f->loop, &err), 0);
	loop_del(timer);
}

static void readers_that_stall_have_a_bound_in_all_and_lose_nothing(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < STALLED; i++)
		begin(f, &f->ones[i]);
	run(f, on_still);
	assert_true(f->kept >= CARRY_KEPT_MAX && f->kept <= CARRY_KEPT_MAX + CARRY_BUFFER);
	run(f, on_drain);
	for (size_t i = 0; i < STALLED; i++) {
		assert_int_equal(f->ones[i].received, f->ones[i].sent);
		assert_int_equal(f->ones[i].passed, f->ones[i].sent);
	}
	assert_int_equal(f->carry->kept, 0);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
	readers_that_stall_have_a_bound_in_all_and_lose_nothing, setup, teardown))
