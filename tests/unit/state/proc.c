/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "state/state.h"

static pid_t child; /* lint:allow-global the teardown must find it */

static int start(void **state)
{
	(void)state;
	child = fork();
	if (child == 0) {
		(void)prctl(PR_SET_NAME, "a) b (c");
		for (;;)
			pause();
	}
	return child < 0;
}

static int stop(void **state)
{
	(void)state;
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	return 0;
}

static void a_start_time_belongs_to_one_process(void **state)
{
	uint64_t start_time = state_pid_start(child);
	struct err err = ERR_INIT;
	autofd int fd = state_pidfd(child, start_time, &err);

	(void)state;
	assert_true(start_time > 0);
	assert_true(fd >= 0);
	assert_int_equal(state_pidfd(child, start_time + 1, &err), -ESRCH);
	assert_int_equal(state_signal(child, start_time + 1, SIGKILL, &err), -ESRCH);
	assert_int_equal(state_wait_gone(child, start_time, 20, &err), -ETIMEDOUT);
	assert_int_equal(state_wait_gone(child, start_time + 1, -1, &err), 0);
	assert_int_equal(state_pid_start(-1), 0);
	assert_int_equal(state_pid_start(0), 0);
}

static void a_zombie_counts_as_ended(void **state)
{
	uint64_t start_time = state_pid_start(child);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(state_signal(child, start_time, SIGKILL, &err), 0);
	assert_int_equal(state_wait_gone(child, start_time, 10000, &err), 0);
	assert_int_equal(state_pid_start(child), 0);
	assert_int_equal(state_pidfd(child, start_time, &err), -ESRCH);
}

/* Two looks, of which the first still sees it and the second does not, once said "Too many open files". */
static void a_process_that_ends_meanwhile_has_ended(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		pid_t pid = fork();
		uint64_t start_time;
		int r;

		if (pid == 0)
			for (;;)
				pause();
		assert_true(pid > 0);
		start_time = state_pid_start(pid);
		(void)kill(pid, SIGKILL);
		do {
			struct err err = ERR_INIT;
			autofd int fd = state_pidfd(pid, start_time, &err);

			r = fd;
		} while (r >= 0);
		(void)waitpid(pid, NULL, 0);
		assert_int_equal(r, -ESRCH);
	}
}

TEST_MAIN(cmocka_unit_test_setup_teardown(a_start_time_belongs_to_one_process, start, stop),
	cmocka_unit_test_setup_teardown(a_zombie_counts_as_ended, start, stop),
	cmocka_unit_test(a_process_that_ends_meanwhile_has_ended))
