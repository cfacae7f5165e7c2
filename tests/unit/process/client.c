/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal client against a monitor played by the test, over pipes and over a pseudo-terminal. */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "process/attach.h"

struct stage {
	int monitor;   /* our end of the attach socket */
	int in;        /* write: what the client reads (pipe, or the pty's master) */
	int out, errs; /* read: what the client writes */
	int slave;     /* of the pty, or -1 */
	pid_t client;
};

static int stage_done(void **state)
{
	struct stage *s = *state;

	if (s->client > 0) {
		kill(s->client, SIGKILL);
		waitpid(s->client, NULL, 0);
	}
	for (int *fd = &s->monitor; fd <= &s->slave; fd++)
		if (*fd >= 0)
			close(*fd);
	free(s);
	return 0;
}

static int stage_init(void **state)
{
	struct stage *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	s->monitor = s->in = s->out = s->errs = s->slave = -1;
	*state = s;
	signal(SIGPIPE, SIG_IGN);
	alarm(60); /* a hang is a failure */
	return 0;
}

/* Starts the client; opts.in -1 gives it no stdin. Its exit status is client_run()'s value, 200 for an
 * error (whose exit field, if set, is used instead). */
static void start(struct stage *s, const struct client_opts *opts)
{
	int sock[2], in[2] = { -1, -1 }, out[2], errs[2], master = -1;
	struct client_opts own = *opts;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(errs, O_CLOEXEC), 0);
	if (opts->tty) {
		struct winsize size = { .ws_row = 30, .ws_col = 100 };
		assert_int_equal(openpty(&master, &s->slave, NULL, NULL, &size), 0);
		in[0] = s->slave;
		in[1] = master;
	} else if (opts->in != -1) {
		assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	}
	s->client = fork();
	assert_true(s->client >= 0);
	if (s->client == 0) {
		struct err err = ERR_INIT;
		setsid();
		if (opts->tty)
			ioctl(in[0], TIOCSCTTY, 0);
		close(sock[0]);
		close(out[0]);
		close(errs[0]);
		if (in[1] >= 0)
			close(in[1]);
		own.in = in[0];
		own.out = out[1];
		own.err = errs[1];
		int r = client_run(sock[1], &own, &err);
		if (r == CLIENT_DETACHED)
			_exit(201);
		if (r < 0 && write(errs[1], err.text, strlen(err.text)) < 0)
			_exit(202);
		_exit(r < 0 ? (err.exit ? err.exit : 200) : r);
	}
	close(sock[1]);
	close(out[1]);
	close(errs[1]);
	if (in[0] >= 0 && !opts->tty)
		close(in[0]);
	s->monitor = sock[0];
	s->in = in[1];
	s->out = out[0];
	s->errs = errs[0];
}

static int finished(struct stage *s)
{
	int status;

	assert_int_equal(waitpid(s->client, &status, 0), s->client);
	s->client = 0;
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void say(struct stage *s, enum attach_type type, const void *data, size_t len)
{
	char frame[ATTACH_MAX] = { (char)type };

	memcpy(frame + 1, data, len);
	assert_int_equal(send(s->monitor, frame, len + 1, 0), len + 1);
}

static void say_exit(struct stage *s, int status)
{
	say(s, ATTACH_EXIT, &status, sizeof(status));
}

/* The next frame of that type (others are skipped); its payload, NUL-terminated. */
static size_t hear(struct stage *s, enum attach_type type, char *ret, size_t size)
{
	char frame[ATTACH_MAX];

	for (;;) {
		ssize_t n = recv(s->monitor, frame, sizeof(frame), 0);
		if (n <= 0)
			fail_msg("the client left before it sent '%c'", type);
		if (frame[0] != (char)type)
			continue;
		const size_t len = (size_t)n - 1;
		if (len >= size) {
			fail_msg("'%c' has %zu bytes, more than %zu", type, len, size);
			return 0; /* for the compiler */
		}
		memcpy(ret, frame + 1, len);
		ret[len] = '\0';
		return len;
	}
}

static size_t read_all(int fd, char *ret, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size && (n = read(fd, ret + len, size - len)) > 0)
		len += (size_t)n;
	return len;
}

static void output_comes_before_the_exit_status(void **state)
{
	static char big[ATTACH_MAX - 1], got[40 * ATTACH_MAX];
	struct stage *s = *state;
	const struct client_opts opts = { .in = -1 };
	size_t sent = 0;

	memset(big, 'x', sizeof(big));
	start(s, &opts);
	say(s, ATTACH_STARTED, "", 0);
	pid_t monitor = fork(); /* the pipe holds 64 KiB only */
	assert_true(monitor >= 0);
	if (monitor == 0) {
		for (int i = 0; i < 20; i++)
			say(s, ATTACH_STDOUT, big, sizeof(big));
		say(s, ATTACH_STDERR, "warned", 6);
		say_exit(s, 7);
		_exit(0);
	}
	usleep(50000); /* let it fill up: the client must wait, not drop */
	sent = 20 * sizeof(big);
	assert_int_equal(read_all(s->out, got, sizeof(got)), sent);
	assert_int_equal(read_all(s->errs, got, sizeof(got)), 6);
	assert_memory_equal(got, "warned", 6);
	assert_int_equal(finished(s), 7);
	waitpid(monitor, NULL, 0);
}

static void stdin_arrives_and_ends(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = 0 };
	char text[ATTACH_MAX];

	start(s, &opts);
	assert_int_equal(write(s->in, "hello\n", 6), 6);
	assert_int_equal(hear(s, ATTACH_STDIN, text, sizeof(text)), 6);
	assert_string_equal(text, "hello\n");
	assert_int_equal(write(s->in, "\x10\x11", 2), 2); /* detach keys are a terminal's */
	assert_int_equal(hear(s, ATTACH_STDIN, text, sizeof(text)), 2);
	close(s->in);
	s->in = -1;
	assert_int_equal(hear(s, ATTACH_EOF, text, sizeof(text)), 0);
	say(s, ATTACH_STDOUT, "after", 5);
	say_exit(s, 0);
	assert_int_equal(finished(s), 0);
	assert_int_equal(read_all(s->out, text, sizeof(text)), 5);
}

static void large_stdin_is_neither_lost_nor_reordered(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = 0 };
	char text[ATTACH_MAX];
	size_t got = 0, total = 2000000;

	start(s, &opts);
	pid_t typist = fork();
	assert_true(typist >= 0);
	if (typist == 0) {
		for (size_t i = 0; i < total; i += 4) {
			uint32_t word = (uint32_t)i;
			if (write(s->in, &word, 4) != 4)
				_exit(1);
		}
		_exit(0);
	}
	close(s->in);
	s->in = -1;
	usleep(50000); /* the socket fills up */
	while (got < total) {
		size_t n = hear(s, ATTACH_STDIN, text, sizeof(text));
		for (size_t i = 0; i < n; i++)
			assert_int_equal((unsigned char)text[i],
				((got + i) & ~3ul) >> (((got + i) & 3) * 8) & 0xff);
		got += n;
	}
	assert_int_equal(hear(s, ATTACH_EOF, text, sizeof(text)), 0);
	say_exit(s, 3);
	assert_int_equal(finished(s), 3);
	waitpid(typist, NULL, 0);
}

static void a_file_as_stdin_is_read_to_its_end(void **state)
{
	struct stage *s = *state;
	struct client_opts opts = { .in = -1, .out = 1, .err = 2 };
	int sock[2];
	char text[ATTACH_MAX];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
	s->client = fork();
	if (s->client == 0) {
		struct err err = ERR_INIT;
		close(sock[0]);
		opts.in = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
		_exit(client_run(sock[1], &opts, &err));
	}
	close(sock[1]);
	s->monitor = sock[0];
	assert_true(hear(s, ATTACH_STDIN, text, sizeof(text)) > 100);
	assert_non_null(strstr(text, "Name:"));
	assert_int_equal(hear(s, ATTACH_EOF, text, sizeof(text)), 0);
	say_exit(s, 0);
	assert_int_equal(finished(s), 0);
}

static void a_failed_start_brings_its_error(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = -1 };
	struct err why = { .code = -ENOENT, .exit = 127, .text = "exec: \"x\": not found" };
	char text[600];

	start(s, &opts);
	say(s, ATTACH_FAILED, &why, sizeof(why));
	assert_int_equal(finished(s), 127);
	text[read_all(s->errs, text, sizeof(text) - 1)] = '\0';
	assert_string_equal(text, "exec: \"x\": not found");
}

static void a_vanished_monitor_is_an_error(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = -1 };

	start(s, &opts);
	close(s->monitor);
	s->monitor = -1;
	assert_int_equal(finished(s), 200);
}

static void a_closed_stdout_ends_like_sigpipe(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = -1 };

	start(s, &opts);
	close(s->out);
	s->out = -1;
	say(s, ATTACH_STDOUT, "x", 1);
	assert_int_equal(finished(s), -SIGPIPE);
}

static void a_closed_stderr_does_not_matter(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = -1 };

	start(s, &opts);
	close(s->errs);
	s->errs = -1;
	say(s, ATTACH_STDERR, "x", 1);
	say_exit(s, 4);
	assert_int_equal(finished(s), 4);
}

static void signals_are_passed_on(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = 0, .sig_proxy = true };
	int signo = 0;
	char text[ATTACH_MAX];

	start(s, &opts);
	assert_int_equal(write(s->in, "x", 1), 1);
	assert_int_equal(hear(s, ATTACH_STDIN, text, sizeof(text)), 1); /* it is up */
	kill(s->client, SIGTERM);
	assert_int_equal(hear(s, ATTACH_SIGNAL, text, sizeof(text)), sizeof(signo));
	memcpy(&signo, text, sizeof(signo));
	assert_int_equal(signo, SIGTERM);
	say_exit(s, 143);
	assert_int_equal(finished(s), 143);
}

/* As under nohup, or in the background of a script. */
static void an_ignored_signal_is_not_passed_on(void **state)
{
	struct stage *s = *state;
	const struct client_opts opts = { .in = 0, .sig_proxy = true };
	void (*before)(int) = signal(SIGINT, SIG_IGN);
	int signo = 0;
	char text[ATTACH_MAX];

	start(s, &opts);
	(void)signal(SIGINT, before);
	assert_int_equal(write(s->in, "x", 1), 1);
	assert_int_equal(hear(s, ATTACH_STDIN, text, sizeof(text)), 1); /* it is up */
	kill(s->client, SIGINT);
	kill(s->client, SIGTERM); /* the greater number: it would be told second */
	assert_int_equal(hear(s, ATTACH_SIGNAL, text, sizeof(text)), sizeof(signo));
	memcpy(&signo, text, sizeof(signo));
	assert_int_equal(signo, SIGTERM);
	say_exit(s, 143);
	assert_int_equal(finished(s), 143);
}

/* ---- with a terminal ---- */

static void wait_raw(struct stage *s, bool raw)
{
	struct termios t;

	for (int i = 0; i < 30000; i++, usleep(1000))
		if (tcgetattr(s->slave, &t) == 0 && !(t.c_lflag & ICANON) == raw)
			return;
	fail_msg("the terminal is %sraw", raw ? "not " : "still ");
}

static const struct client_opts on_tty = { .tty = true, .sig_proxy = true };

static void a_terminal_is_raw_and_then_as_before(void **state)
{
	struct stage *s = *state;
	struct winsize size;
	char text[ATTACH_MAX];

	start(s, &on_tty);
	assert_int_equal(hear(s, ATTACH_RESIZE, text, sizeof(text)), sizeof(size));
	memcpy(&size, text, sizeof(size));
	assert_int_equal(size.ws_row, 30);
	assert_int_equal(size.ws_col, 100);
	wait_raw(s, true);
	assert_int_equal(write(s->in, "\x03", 1), 1); /* Ctrl-C is a key */
	assert_int_equal(hear(s, ATTACH_STDIN, text, sizeof(text)), 1);
	assert_int_equal(text[0], 3);
	say_exit(s, 9);
	assert_int_equal(finished(s), 9);
	wait_raw(s, false);
}

static void a_resized_window_is_reported(void **state)
{
	struct stage *s = *state;
	struct winsize size = { .ws_row = 11, .ws_col = 22 };
	char text[ATTACH_MAX];

	start(s, &on_tty);
	(void)hear(s, ATTACH_RESIZE, text, sizeof(text));
	assert_int_equal(ioctl(s->in, TIOCSWINSZ, &size), 0);
	(void)hear(s, ATTACH_RESIZE, text, sizeof(text));
	memset(&size, 0, sizeof(size));
	memcpy(&size, text, sizeof(size));
	assert_int_equal(size.ws_row, 11);
	assert_int_equal(size.ws_col, 22);
	say_exit(s, 0);
	assert_int_equal(finished(s), 0);
}

static void the_detach_keys_leave_the_container(void **state)
{
	struct stage *s = *state;
	char text[ATTACH_MAX];

	start(s, &on_tty);
	wait_raw(s, true);
	assert_int_equal(write(s->in, "a\x10\x11", 3), 3);
	(void)hear(s, ATTACH_RESIZE, text, sizeof(text));
	assert_int_equal(finished(s), 201);
	wait_raw(s, false);
}

static void a_lone_first_key_reaches_the_program(void **state)
{
	struct stage *s = *state;
	char text[ATTACH_MAX];

	start(s, &on_tty);
	wait_raw(s, true);
	assert_int_equal(write(s->in, "\x10", 1), 1);
	assert_int_equal(
		hear(s, ATTACH_STDIN, text, sizeof(text)), 1); /* by itself, after a while */
	assert_int_equal(text[0], 0x10);
	say_exit(s, 0);
	assert_int_equal(finished(s), 0);
}

static void a_killed_client_restores_the_terminal(void **state)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGUSR1 };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		struct stage *s = *state;
		start(s, &on_tty);
		wait_raw(s, true);
		kill(s->client, signals[i]);
		assert_int_equal(finished(s), -signals[i]);
		wait_raw(s, false);
		for (int *fd = &s->monitor; fd <= &s->slave; fd++)
			close(*fd);
	}
	struct stage *s = *state;
	s->monitor = s->in = s->out = s->errs = s->slave = -1;
}

static void a_stopped_client_gives_the_terminal_back_meanwhile(void **state)
{
	struct stage *s = *state;
	char text[ATTACH_MAX];
	int status;

	start(s, &on_tty);
	wait_raw(s, true);
	(void)hear(s, ATTACH_RESIZE, text, sizeof(text));
	kill(s->client, SIGTSTP);
	assert_int_equal(waitpid(s->client, &status, WUNTRACED), s->client);
	assert_true(WIFSTOPPED(status));
	wait_raw(s, false);
	kill(s->client, SIGCONT);
	wait_raw(s, true);
	(void)hear(
		s, ATTACH_RESIZE, text, sizeof(text)); /* the window may be another size by now */
	say_exit(s, 0);
	assert_int_equal(finished(s), 0);
	wait_raw(s, false);
}

static void a_terminal_is_asked_for_one(void **state)
{
	struct stage *s = *state;
	int sock[2];
	struct err err = ERR_INIT;
	const struct client_opts opts = { .in = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.tty = true };

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
	s->monitor = sock[0];
	s->in = sock[1];
	s->out = opts.in;
	assert_int_equal(client_run(sock[1], &opts, &err), -ENOTTY);
	assert_string_equal(err.text, "the input device is not a TTY");
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_init, stage_done)
TEST_MAIN(ON_STAGE(output_comes_before_the_exit_status), ON_STAGE(stdin_arrives_and_ends),
	ON_STAGE(large_stdin_is_neither_lost_nor_reordered),
	ON_STAGE(a_file_as_stdin_is_read_to_its_end), ON_STAGE(a_failed_start_brings_its_error),
	ON_STAGE(a_vanished_monitor_is_an_error), ON_STAGE(a_closed_stdout_ends_like_sigpipe),
	ON_STAGE(a_closed_stderr_does_not_matter), ON_STAGE(signals_are_passed_on),
	ON_STAGE(an_ignored_signal_is_not_passed_on),
	ON_STAGE(a_terminal_is_raw_and_then_as_before), ON_STAGE(a_resized_window_is_reported),
	ON_STAGE(the_detach_keys_leave_the_container),
	ON_STAGE(a_lone_first_key_reaches_the_program),
	ON_STAGE(a_killed_client_restores_the_terminal),
	ON_STAGE(a_stopped_client_gives_the_terminal_back_meanwhile),
	ON_STAGE(a_terminal_is_asked_for_one))
