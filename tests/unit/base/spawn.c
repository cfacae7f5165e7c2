/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"

static struct spawn shell(char *const *argv)
{
	return (struct spawn){ .path = "/bin/sh", .argv = argv };
}

#define SH(script) ((char *[]){ (char *)"sh", (char *)"-c", (char *)(script), NULL })

static void statuses_are_returned_as_docker_counts(void **state)
{
	struct spawn ok = shell(SH("exit 0")), seven = shell(SH("exit 7")),
		     killed = shell(SH("kill -9 $$"));
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(spawn_run(&ok, &err), 0);
	assert_int_equal(spawn_run(&seven, &err), 7);
	assert_int_equal(spawn_run(&killed, &err), 137);
}

static void a_missing_program_is_an_error_of_ours(void **state)
{
	struct spawn spawn = { .path = "/nonexistent/program", .argv = SH("") };
	struct spawn directory = { .path = "/etc", .argv = SH("") };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(spawn_start(&spawn, NULL, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nonexistent/program"));
	assert_int_equal(spawn_start(&directory, NULL, &err), -EACCES);
}

static void output_is_captured_up_to_a_limit(void **state)
{
	struct spawn hello = shell(SH("echo hello; exit 3")),
		     endless = shell(SH("while :; do echo y; done"));
	struct err err = ERR_INIT;
	char *out = NULL;

	(void)state;
	assert_int_equal(spawn_capture(&hello, 100, &out, &err), 3);
	assert_string_equal(out, "hello\n");
	free(out);
	out = NULL;
	assert_int_equal(spawn_capture(&endless, 1000, &out, &err), -EFBIG);
	assert_null(out);
}

static void only_the_given_descriptors_arrive(void **state)
{
	int high = fcntl(STDIN_FILENO, F_DUPFD, 100); /* without CLOEXEC, on purpose */
	int given = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct spawn_fd fds[] = { { .from = given, .to = 5 } };
	struct spawn spawn = shell(
		SH("cd /proc/$$/fd && test -e 5 && test ! -e 4 && test ! -e 100 && echo fine"));
	struct err err = ERR_INIT;
	char *out = NULL;

	(void)state;
	spawn.fds = fds;
	spawn.n_fds = 1;
	assert_true(high >= 100 && given >= 0);
	assert_int_equal(spawn_capture(&spawn, 1000, &out, &err), 0);
	assert_string_equal(out, "fine\n");
	free(out);
	close(high);
	close(given);
}

static void crossed_descriptors_are_untangled(void **state)
{
	int a[2], b[2];
	char text[8] = "";
	struct err err = ERR_INIT;
	struct spawn spawn = shell(SH("echo one >&4; echo two >&3"));
	struct spawn_fd fds[2];

	(void)state;
	assert_int_equal(pipe2(a, O_CLOEXEC) | pipe2(b, O_CLOEXEC), 0);
	fds[0] = (struct spawn_fd){ .from = a[1], .to = 4 };
	fds[1] = (struct spawn_fd){ .from = b[1], .to = 3 };
	spawn.fds = fds;
	spawn.n_fds = 2;
	assert_int_equal(spawn_run(&spawn, &err), 0);
	assert_int_equal(read(a[0], text, sizeof(text)), 4);
	assert_memory_equal(text, "one\n", 4);
	assert_int_equal(read(b[0], text, sizeof(text)), 4);
	assert_memory_equal(text, "two\n", 4);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static void the_environment_is_what_was_given(void **state)
{
	char *envp[] = { (char *)"ONLY=this", NULL };
	struct spawn spawn = {
		.path = "/usr/bin/env", .argv = (char *[]){ (char *)"env", NULL }, .envp = envp
	};
	struct err err = ERR_INIT;
	char *out = NULL;

	(void)state;
	assert_int_equal(spawn_capture(&spawn, 1000, &out, &err), 0);
	assert_string_equal(out, "ONLY=this\n");
	free(out);
}

static void blocked_and_ignored_signals_are_not_inherited(void **state)
{
	struct spawn spawn = shell(SH("kill -TERM $$; echo survived"));
	struct err err = ERR_INIT;
	sigset_t set, old;
	int status;

	(void)state;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &set, &old), 0);
	status = spawn_run(&spawn, &err);
	assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	assert_int_equal(status, 128 + SIGTERM);
}

static void a_new_session_is_one(void **state)
{
	struct spawn spawn = shell(
		SH("read -r _ _ _ _ pgrp session _ < /proc/$$/stat; [ $session = $$ ]"));
	struct err err = ERR_INIT;

	(void)state;
	assert_int_not_equal(spawn_run(&spawn, &err), 0);
	spawn.new_session = true;
	assert_int_equal(spawn_run(&spawn, &err), 0);
}

static void a_missing_helper_says_where_it_was_looked_for(void **state)
{
	struct err err = ERR_INIT;
	char *path = NULL;

	(void)state;
	assert_int_equal(spawn_find_helper("sbx-nosuch", &path, &err), -ENOENT);
	assert_non_null(strstr(err.text, "sbx-nosuch"));
	assert_non_null(strstr(err.text, "libexec/sbx"));
	assert_null(path);
}

static void a_fork_has_a_socket_between_both_and_its_death_is_a_hang_up(void **state)
{
	struct err err = ERR_INIT;
	autofd int sock = -EBADF;
	char byte = 0;
	pid_t pid = spawn_fork(&sock, &err);

	(void)state;
	if (pid == 0) {
		byte = read(sock, &byte, 1) == 1 ? (char)(byte + 1) : 0;
		_exit(write(sock, &byte, 1) != 1);
	}
	assert_true(pid > 0);
	assert_int_equal(write(sock, "a", 1), 1);
	assert_int_equal(read(sock, &byte, 1), 1);
	assert_int_equal(byte, 'b');
	assert_int_equal(read(sock, &byte, 1), 0); /* nobody else holds its end */
	assert_int_equal(spawn_wait(pid, &err), 0);
	assert_true(fcntl(sock, F_GETFD) & FD_CLOEXEC);
}

TEST_MAIN(cmocka_unit_test(statuses_are_returned_as_docker_counts),
	cmocka_unit_test(a_missing_program_is_an_error_of_ours),
	cmocka_unit_test(output_is_captured_up_to_a_limit),
	cmocka_unit_test(only_the_given_descriptors_arrive),
	cmocka_unit_test(crossed_descriptors_are_untangled),
	cmocka_unit_test(the_environment_is_what_was_given),
	cmocka_unit_test(blocked_and_ignored_signals_are_not_inherited),
	cmocka_unit_test(a_new_session_is_one),
	cmocka_unit_test(a_missing_helper_says_where_it_was_looked_for),
	cmocka_unit_test(a_fork_has_a_socket_between_both_and_its_death_is_a_hang_up))
