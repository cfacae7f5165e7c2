/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/wait.h>

#include "base/inherited.h"

#define LOW  20
#define HIGH 63

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* In a child, because the harness has descriptors of its own. Returns what fn exits with. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int tidy_and_drop(void)
{
	char *argv[] = { (char *)"sbx", (char *)"--env-file=/dev/fd/63", (char *)"/dev/fd/x",
		(char *)"seccomp=/proc/self/fd/21", NULL };
	struct err err = ERR_INIT;

	for (int fd = LOW; fd < LOW + 3; fd++)
		if (dup2(0, fd) < 0)
			return 1;
	if (dup2(0, HIGH) < 0 || inherited_tidy(argv, &err) < 0)
		return 2;
	if (is_open(LOW) || !is_open(LOW + 1) || is_open(LOW + 2) || !is_open(HIGH))
		return 3;
	if (fcntl(LOW + 1, F_SETFD, FD_CLOEXEC) < 0)
		return 4;
	inherited_drop(argv);
	return is_open(HIGH) ? 5 : is_open(LOW + 1) ? 0 : 6;
}

static void what_argv_names_lives_until_it_is_dropped_and_ours_longer(void **state)
{
	(void)state;
	assert_int_equal(in_child(tidy_and_drop), 0);
}

static int tidy_and_keep(void)
{
	char *argv[] = { (char *)"sbx", (char *)"run", (char *)"--preserve-fds", (char *)"2",
		(char *)"i", (char *)"--preserve-fds=4", NULL };
	struct err err = ERR_INIT;

	for (int fd = 3; fd < 10; fd++)
		if (dup2(0, fd) < 0)
			return 1;
	if (inherited_tidy(argv, &err) < 0 || !is_open(3) || !is_open(6) || is_open(7))
		return 2;
	if (inherited_keep(2, &err) < 0 || fcntl(4, F_GETFD) != FD_CLOEXEC)
		return 3;
	if (inherited_keep(1, &err) != -EBADF) /* close-on-exec by now: might as well be ours */
		return 4;
	inherited_drop(argv); /* the other two were a payload's words */
	if (!is_open(3) || !is_open(4) || is_open(5) || is_open(6))
		return 5;
	inherited_release(2);
	return is_open(3) || is_open(4) ? 6 : 0;
}

static void preserved_descriptors_live_until_they_are_released(void **state)
{
	(void)state;
	assert_int_equal(in_child(tidy_and_keep), 0);
}

static int standard_ones_closed(void)
{
	char *argv[] = { (char *)"sbx", NULL };
	struct err err = ERR_INIT;

	(void)close(0);
	(void)close(2);
	if (inherited_tidy(argv, &err) < 0)
		return 1;
	return is_open(0) && is_open(2) ? 0 : 2;
}

static void closed_standard_descriptors_are_filled(void **state)
{
	(void)state;
	assert_int_equal(in_child(standard_ones_closed), 0);
}

TEST_MAIN(cmocka_unit_test(preserved_descriptors_live_until_they_are_released),
	cmocka_unit_test(what_argv_names_lives_until_it_is_dropped_and_ours_longer),
	cmocka_unit_test(closed_standard_descriptors_are_filled))
