/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/outbound.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define LOOK_MS     200
#define PATIENCE_MS 60000

/* A way out whose listener is on the test's own loopback; nothing is turned to it. */
struct fixture {
	struct loop *loop;
	struct outbound *outbound;
	struct outbound_way *way;
	struct rlimit before;
	struct sockaddr_in at;
};

static enum outbound_verdict refuse(void *data, union syn_address *to)
{
	return OUTBOUND_REFUSE;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	struct outbound_gear gear = {
		.listener = { -EBADF, -EBADF }, .queue = -EBADF, .judge = refuse
	};
	socklen_t len = sizeof(f->at);

	assert_non_null(f);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &f->before), 0);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(outbound_new(f->loop, &f->outbound, &err), 0);
	f->at.sin_family = AF_INET;
	f->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	gear.listener[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(gear.listener[0], (struct sockaddr *)&f->at, sizeof(f->at)), 0);
	assert_int_equal(listen(gear.listener[0], 8), 0);
	assert_int_equal(getsockname(gear.listener[0], (struct sockaddr *)&f->at, &len), 0);
	assert_int_equal(outbound_open(f->outbound, &gear, &f->way, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)setrlimit(RLIMIT_NOFILE, &f->before);
	outbound_close(f->way);
	outbound_free(f->outbound);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int quit(void *data, struct err *err)
{
	loop_quit(data, 0);
	return 0;
}

static int64_t cpu_us(void)
{
	struct timespec now;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), 0);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static int on_end(void *data, int fd, uint32_t events, struct err *err)
{
	loop_quit(data, 1);
	return 0;
}

static void without_descriptors_it_waits_and_does_not_spin(void **state)
{
	struct fixture *f = *state;
	const struct rlimit none = { 3, f->before.rlim_max };
	struct loop_source *timer, *end;
	struct err err = ERR_INIT;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int64_t begun;

	assert_int_equal(connect(client, (struct sockaddr *)&f->at, sizeof(f->at)), 0);
	assert_int_equal(loop_add_timer(f->loop, LOOK_MS, 0, quit, f->loop, &timer, &err), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	begun = cpu_us();
	assert_int_equal(loop_run(f->loop, &err), 0);
	assert_true(cpu_us() - begun < LOOK_MS * 1000 / 4);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &f->before), 0);
	assert_int_equal(loop_set_timer(timer, PATIENCE_MS, 0, &err), 0);
	assert_int_equal(loop_add_fd(f->loop, client, EPOLLIN, on_end, f->loop, &end, &err), 0);
	assert_int_equal(loop_run(f->loop, &err), 1); /* accepted, and refused by the judge */
	(void)close(client);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
	without_descriptors_it_waits_and_does_not_spin, setup, teardown))
