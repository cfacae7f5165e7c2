/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/loop.h"

struct seen {
	struct loop *loop;
	struct loop_source *source, *other;
	int count, signals[4], n_signals;
};

static int make_loop(void **state)
{
	static struct seen seen;
	struct err err = ERR_INIT;

	seen = (struct seen){ 0 };
	*state = &seen;
	return loop_new(&seen.loop, &err);
}

static int free_loop(void **state)
{
	struct seen *seen = *state;

	loop_free(seen->loop);
	return 0;
}

static int read_byte(void *data, int fd, uint32_t events, struct err *err)
{
	struct seen *seen = data;
	char c;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(fd, &c, 1), 1);
	seen->count++;
	if (c == 'q')
		loop_quit(seen->loop, 7);
	if (c == 'e')
		return err_set(err, -EPROTO, "told to fail");
	return 0;
}

static void descriptors_are_served_until_quit(void **state)
{
	struct seen *seen = *state;
	struct err err = ERR_INIT;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "abq", 3), 3);
	assert_int_equal(
		loop_add_fd(seen->loop, pipes[0], EPOLLIN, read_byte, seen, &seen->source, &err),
		0);
	assert_int_equal(loop_run(seen->loop, &err), 7);
	assert_int_equal(seen->count, 3);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_failing_callback_ends_the_loop_with_its_error(void **state)
{
	struct seen *seen = *state;
	struct err err = ERR_INIT;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "aex", 3), 3);
	assert_int_equal(
		loop_add_fd(seen->loop, pipes[0], EPOLLIN, read_byte, seen, &seen->source, &err),
		0);
	assert_int_equal(loop_run(seen->loop, &err), -EPROTO);
	assert_string_equal(err.text, "told to fail");
	assert_int_equal(seen->count, 2);
	close(pipes[0]);
	close(pipes[1]);
}

static int tick(void *data, struct err *err)
{
	struct seen *seen = data;

	(void)err;
	if (++seen->count == 3)
		loop_quit(seen->loop, 0);
	return 0;
}

static void timers_repeat_and_disarm(void **state)
{
	struct seen *seen = *state;
	struct err err = ERR_INIT;

	assert_int_equal(loop_add_timer(seen->loop, 1, 1, tick, seen, &seen->source, &err), 0);
	assert_int_equal(loop_run(seen->loop, &err), 0);
	assert_int_equal(seen->count, 3);
	seen->count = 2; /* the next tick, of a timer armed again, quits */
	assert_int_equal(loop_set_timer(seen->source, 0, 0, &err), 0);
	assert_int_equal(loop_set_timer(seen->source, 5, 0, &err), 0);
	assert_int_equal(loop_run(seen->loop, &err), 0);
	assert_int_equal(seen->count, 3);
}

static int on_signal(void *data, int signo, struct err *err)
{
	struct seen *seen = data;

	(void)err;
	seen->signals[seen->n_signals++] = signo;
	if (seen->n_signals == 2)
		loop_quit(seen->loop, 0);
	return 0;
}

static void signals_are_reported_one_by_one(void **state)
{
	struct seen *seen = *state;
	struct err err = ERR_INIT;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	assert_int_equal(
		loop_add_signals(seen->loop, &set, on_signal, seen, &seen->source, &err), 0);
	raise(SIGUSR1);
	raise(SIGUSR2);
	assert_int_equal(loop_run(seen->loop, &err), 0);
	assert_int_equal(seen->signals[0], SIGUSR1);
	assert_int_equal(seen->signals[1], SIGUSR2);
}

static int delete_both(void *data, int fd, uint32_t events, struct err *err)
{
	struct seen *seen = data;

	(void)fd;
	(void)events;
	(void)err;
	seen->count++;
	loop_del(seen->source);
	loop_del(seen->other);
	loop_quit(seen->loop, 0);
	return 0;
}

static void sources_may_be_deleted_inside_callbacks(void **state)
{
	struct seen *seen = *state;
	struct err err = ERR_INIT;
	int one[2], two[2];

	assert_int_equal(pipe(one), 0);
	assert_int_equal(pipe(two), 0);
	assert_int_equal(write(one[1], "x", 1) + write(two[1], "x", 1), 2);
	assert_int_equal(
		loop_add_fd(seen->loop, one[0], EPOLLIN, delete_both, seen, &seen->source, &err),
		0);
	assert_int_equal(
		loop_add_fd(seen->loop, two[0], EPOLLIN, delete_both, seen, &seen->other, &err), 0);
	assert_int_equal(loop_run(seen->loop, &err), 0);
	assert_int_equal(seen->count, 1); /* both were ready; the second no longer exists */
	close(one[0]);
	close(one[1]);
	close(two[0]);
	close(two[1]);
}

static void wanted_events_can_change(void **state)
{
	struct seen *seen = *state;
	struct err err = ERR_INIT;
	struct loop_source *timer = NULL;
	int pipes[2];

	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(write(pipes[1], "q", 1), 1);
	assert_int_equal(
		loop_add_fd(seen->loop, pipes[0], EPOLLIN, read_byte, seen, &seen->source, &err),
		0);
	assert_int_equal(loop_mod_fd(seen->source, 0, &err), 0);
	seen->count = 2;
	assert_int_equal(loop_add_timer(seen->loop, 1, 0, tick, seen, &timer, &err), 0);
	assert_int_equal(loop_run(seen->loop, &err), 0); /* the timer, not the byte */
	assert_int_equal(loop_mod_fd(seen->source, EPOLLIN, &err), 0);
	assert_int_equal(loop_run(seen->loop, &err), 7);
	close(pipes[0]);
	close(pipes[1]);
}

#define LOOP(test) cmocka_unit_test_setup_teardown(test, make_loop, free_loop)

TEST_MAIN(LOOP(descriptors_are_served_until_quit),
	LOOP(a_failing_callback_ends_the_loop_with_its_error), LOOP(timers_repeat_and_disarm),
	LOOP(signals_are_reported_one_by_one), LOOP(sources_may_be_deleted_inside_callbacks),
	LOOP(wanted_events_can_change))
