/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void written_files_are_read_back(void **state)
{
	struct scratch *dir = *state;
	char *text;

	scratch_mkdir(dir, "a");
	scratch_write(dir, "a/b", "hello\n");
	text = scratch_read(dir, "a/b");
	assert_non_null(text);
	assert_string_equal(text, "hello\n");
	free(text);
	assert_null(scratch_read(dir, "missing"));
}

static void scratch_is_removed_with_locked_directories(void **state)
{
	char path[256];
	void *other = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(harness_scratch(&other), 0);
	memcpy(path, ((struct scratch *)other)->path, sizeof(path));
	scratch_mkdir(other, "locked");
	scratch_write(other, "locked/file", "x");
	assert_int_equal(chmod(path, 0500), 0);
	assert_int_equal(harness_scratch_done(&other), 0);
	assert_int_equal(stat(path, &st), -1);
}

static void failures_become_status_one(void **state)
{
	(void)state;
	assert_int_equal(harness_status(0), 0);
	assert_int_equal(harness_status(300), 1);
}

static void no_signal_is_ignored_or_blocked(void **state)
{
	struct sigaction now;
	sigset_t blocked;

	(void)state;
	assert_int_equal(sigprocmask(SIG_SETMASK, NULL, &blocked), 0);
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		if (sigaction(signo, NULL, &now) < 0)
			continue; /* glibc's own two */
		assert_true(now.sa_handler != SIG_IGN);
		assert_false(sigismember(&blocked, signo));
	}
}

/* Of this program, started as `nohup … &` in a script would be. */
static _Noreturn void start_in_the_background(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		_exit(3);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)execl("/proc/self/exe", "unit-tests_harness", "no_signal_*", (char *)NULL);
	_exit(4);
}

static void signals_do_not_depend_on_how_it_was_started(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		start_in_the_background();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

TEST_MAIN(cmocka_unit_test_setup_teardown(
		  written_files_are_read_back, harness_scratch, harness_scratch_done),
	cmocka_unit_test(no_signal_is_ignored_or_blocked),
	cmocka_unit_test(signals_do_not_depend_on_how_it_was_started),
	cmocka_unit_test(scratch_is_removed_with_locked_directories),
	cmocka_unit_test(failures_become_status_one))
