/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's side of the attach protocol: terminal or pipes here, the monitor's socket there.
 *
 * Invariants: at most one frame waits in each direction, and its source is not read meanwhile, so memory
 * is bounded and everything the container wrote is delivered before its exit status is looked at. No
 * write blocks, so signals are always served. The terminal's modes are restored on every way out.
 * Not handled: SIGKILL and SIGSTOP, which nobody can catch.
 *
 * Docker's choices: with a terminal, signals are not passed on (keys are); they end the client, not the
 * container. A closed stdout ends the client as SIGPIPE would; the container goes on.
 */
#include "process/attach.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/loop.h"
#include "base/own.h"
#include "process/keys.h"
#include "process/tty.h"

#define PIPE_CHUNK 4096 /* a pipe or socket that polls writable takes that much at once */
#define HOLD_MS    250  /* how long the first detach key is held back */
#define READ_MAX   (ATTACH_MAX - 1 - KEYS_MAX)

struct client {
	const struct client_opts *opts;
	struct loop *loop;
	struct loop_source *sock_source, *in_source, *out_source, *hold;
	struct tty tty;
	struct keys keys;
	int sock;
	bool in_is_file; /* epoll refuses it: always readable */
	bool in_ended;
	/* monitor → us: one frame */
	int to; /* where the rest of it goes */
	size_t at, len;
	char frame[ATTACH_MAX];
	/* us → monitor, in this order */
	uint64_t signals; /* bit n = signal n */
	bool resize;
	size_t typed; /* length of the stdin frame, its type included; 0 = none */
	char input[ATTACH_MAX];
	bool eof;
	int fatal; /* a signal that ends us once the terminal is restored */
};

static int update_sock(struct client *c, struct err *err)
{
	bool waiting = c->signals || c->resize || c->typed || c->eof;
	bool feed = c->in_is_file && !c->in_ended;

	return loop_mod_fd(c->sock_source,
		(c->len ? 0 : (uint32_t)EPOLLIN) | (waiting || feed ? (uint32_t)EPOLLOUT : 0), err);
}

/* 1 sent, 0 not now, -errno. A monitor that is gone will be noticed by reading. */
static int send_frame(struct client *c, const void *frame, size_t len, struct err *err)
{
	for (;;) {
		if (send(c->sock, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 1;
		if (errno == EAGAIN)
			return 0;
		if (errno == EPIPE || errno == ECONNRESET)
			return 1;
		if (errno != EINTR)
			return err_sys(err, "send to the container's monitor");
	}
}

static int send_value(
	struct client *c, enum attach_type type, const void *value, size_t len, struct err *err)
{
	char frame[64] = { (char)type };

	memcpy(frame + 1, value, len);
	return send_frame(c, frame, len + 1, err);
}

static int flush_signals(struct client *c, struct err *err)
{
	while (c->signals) {
		int signo = __builtin_ctzll(c->signals);
		int r = send_value(c, ATTACH_SIGNAL, &signo, sizeof(signo), err);
		if (r <= 0)
			return r;
		c->signals &= c->signals - 1;
	}
	return 1;
}

static int flush_resize(struct client *c, struct err *err)
{
	struct winsize size;

	if (!c->resize)
		return 1;
	int r = tty_size(c->opts->in, c->opts->out, &size)
			? send_value(c, ATTACH_RESIZE, &size, sizeof(size), err)
			: 1;
	c->resize = r == 0;
	return r;
}

static int flush_input(struct client *c, struct err *err)
{
	int r = 1;

	if (c->typed) {
		c->input[0] = ATTACH_STDIN;
		r = send_frame(c, c->input, c->typed, err);
		if (r > 0)
			c->typed = 0;
	}
	if (r > 0 && c->eof) {
		r = send_value(c, ATTACH_EOF, "", 0, err);
		c->eof = r == 0;
	}
	return r;
}

static int flush_up(struct client *c, struct err *err)
{
	int r = flush_signals(c, err);

	if (r > 0)
		r = flush_resize(c, err);
	if (r > 0)
		r = flush_input(c, err);
	TRY(r);
	if (c->in_source && !c->typed)
		TRY(loop_mod_fd(c->in_source, EPOLLIN, err));
	return update_sock(c, err);
}

/* ---- the terminal or pipe → monitor ---- */

static void end_input(struct client *c)
{
	loop_del(c->in_source);
	c->in_source = NULL;
	c->in_ended = true;
	c->eof = true;
}

/* The first keys of the detach sequence must not be held for ever: Ctrl-P is also a key of shells. */
static int on_hold(void *data, struct err *err)
{
	struct client *c = data;

	if (c->typed || !keys_holding(&c->keys))
		return c->typed ? loop_set_timer(c->hold, HOLD_MS, 0, err) : 0;
	c->typed = 1 + keys_release(&c->keys, (unsigned char *)c->input + 1);
	return flush_up(c, err);
}

static int take_typed(struct client *c, const unsigned char *bytes, size_t n, struct err *err)
{
	size_t len = 0;

	if (keys_feed(&c->keys, bytes, n, (unsigned char *)c->input + 1, &len)) {
		loop_quit(c->loop, CLIENT_DETACHED);
		return 0;
	}
	c->typed = len ? len + 1 : 0;
	return loop_set_timer(c->hold, keys_holding(&c->keys) ? HOLD_MS : 0, 0, err);
}

static int read_input(struct client *c, struct err *err)
{
	unsigned char bytes[READ_MAX];
	ssize_t n = read(c->opts->in, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) { /* EIO: the terminal is gone */
		end_input(c);
	} else if (c->opts->tty) {
		TRY(take_typed(c, bytes, (size_t)n, err));
	} else {
		memcpy(c->input + 1, bytes, (size_t)n);
		c->typed = (size_t)n + 1;
	}
	if (c->typed && c->in_source)
		TRY(loop_mod_fd(c->in_source, 0, err));
	return flush_up(c, err);
}

static int on_input(void *data, int fd, uint32_t events, struct err *err)
{
	struct client *c = data;

	if (!c->typed)
		return read_input(c, err);
	if (events &
		(EPOLLHUP | EPOLLERR)) { /* cannot be masked: unhook until the frame has gone */
		loop_del(c->in_source);
		c->in_source = NULL;
		c->in_is_file = true; /* at its end it is always readable */
	}
	return update_sock(c, err);
}

/* ---- monitor → stdout and stderr ---- */

static int output_closed(struct client *c)
{
	c->len = 0;
	if (c->to == c->opts->out) { /* nobody reads stderr: no reason to stop */
		c->fatal = SIGPIPE;
		loop_quit(c->loop, 0);
	}
	return 0;
}

static int on_writable(void *data, int fd, uint32_t events, struct err *err);

/* 1: all written; 0: the rest waits for the descriptor. */
static int write_out(struct client *c, struct err *err)
{
	while (c->at < c->len) {
		size_t n = c->len - c->at;
		if (!c->out_source) {
			struct err refused;
			int r = loop_add_fd(
				c->loop, c->to, EPOLLOUT, on_writable, c, &c->out_source, &refused);
			if (r == 0)
				return 0;
			if (r != -EPERM) { /* a file: it never waits */
				*err = refused;
				return r;
			}
		} else if (n > PIPE_CHUNK) {
			n = PIPE_CHUNK;
		}
		ssize_t written = write(c->to, c->frame + c->at, n);
		if (written < 0 && errno == EPIPE)
			return output_closed(c);
		if (written < 0 && errno != EAGAIN && errno != EINTR)
			return err_sys(err, "write the container's output");
		c->at += written > 0 ? (size_t)written : 0;
		if (c->out_source)
			return c->at == c->len; /* ask again whether it takes more */
	}
	return 1;
}

static int output_done(struct client *c, struct err *err)
{
	loop_del(c->out_source);
	c->out_source = NULL;
	c->len = 0;
	return update_sock(c, err);
}

static int on_writable(void *data, int fd, uint32_t events, struct err *err)
{
	struct client *c = data;
	int r = write_out(c, err);

	return r > 0 || c->len == 0 ? output_done(c, err) : r;
}

static int start_output(struct client *c, int fd, size_t len, struct err *err)
{
	c->to = fd;
	c->at = 1;
	c->len = len;
	return on_writable(c, fd, 0, err);
}

static int take_exit(struct client *c, size_t len, struct err *err)
{
	int status;

	if (len != 1 + sizeof(status))
		return err_set(err, -EPROTO, "the container's monitor sent a damaged exit status");
	memcpy(&status, c->frame + 1, sizeof(status));
	loop_quit(c->loop, status & 0xff);
	return 0;
}

static int take_failure(struct client *c, size_t len, struct err *err)
{
	if (len != 1 + sizeof(*err))
		return err_set(err, -EPROTO, "the container's monitor sent a damaged error");
	memcpy(err, c->frame + 1, sizeof(*err));
	err->id[sizeof(err->id) - 1] = '\0';
	err->text[sizeof(err->text) - 1] = '\0';
	if (err->code >= 0)
		err->code = -EIO;
	return err->code;
}

static int take_frame(struct client *c, size_t len, struct err *err)
{
	switch ((enum attach_type)c->frame[0]) {
	case ATTACH_STDOUT:
		return start_output(c, c->opts->out, len, err);
	case ATTACH_STDERR:
		return start_output(c, c->opts->err, len, err);
	case ATTACH_FAILED:
		return take_failure(c, len, err);
	case ATTACH_EXIT:
		return take_exit(c, len, err);
	case ATTACH_STARTED:
	case ATTACH_ANSWER:
	case ATTACH_REQUEST:
	case ATTACH_STDIN:
	case ATTACH_EOF:
	case ATTACH_RESIZE:
	case ATTACH_SIGNAL:
		return 0;
	}
	return 0; /* a newer monitor's message */
}

static int on_sock(void *data, int fd, uint32_t events, struct err *err)
{
	struct client *c = data;

	if (events & EPOLLOUT) {
		TRY(flush_up(c, err));
		if (c->in_is_file && !c->in_ended && !c->typed)
			TRY(read_input(c, err));
	}
	if (c->len || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return 0;
	ssize_t n = recv(fd, c->frame, sizeof(c->frame), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	/* It left with bytes of ours unread: the kernel says so once, before what it sent last. */
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n <= 0)
		return err_set(err, -EPIPE, "the container's monitor has gone away");
	return take_frame(c, (size_t)n, err);
}

/* ---- signals ---- */

static void suspend(struct client *c)
{
	tty_restore(&c->tty);
	(void)kill(getpid(), SIGSTOP); /* returns when continued */
	tty_resume(&c->tty);
}

static int on_signal(void *data, int signo, struct err *err)
{
	struct client *c = data;

	if (signo == SIGTSTP)
		suspend(c);
	else if (signo == SIGCONT)
		tty_resume(&c->tty); /* the shell has had it meanwhile */
	else if (!c->opts->tty)
		c->signals |= UINT64_C(1) << signo;
	else if (signo != SIGWINCH)
		c->fatal = signo;
	if (c->fatal)
		loop_quit(c->loop, 0);
	c->resize = c->opts->tty;
	return flush_up(c, err);
}

static int watch_signals(struct client *c, struct err *err)
{
	static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM };
	static const int terminal[] = { SIGWINCH, SIGTSTP, SIGCONT };
	struct sigaction now;
	sigset_t set;

	if (!c->opts->tty && !c->opts->sig_proxy)
		return 0;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (sigaction(ending[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(&set, ending[i]); /* nohup stays nohup */
	for (size_t i = 0; i < ARRAY_SIZE(terminal) && c->opts->tty; i++)
		sigaddset(&set, terminal[i]);
	return loop_add_signals(c->loop, &set, on_signal, c, NULL, err);
}

/* ---- all together ---- */

static int watch_input(struct client *c, struct err *err)
{
	struct err refused;

	if (c->opts->in < 0) {
		c->in_ended = true; /* no EOF: another client may be the one who types */
		return 0;
	}
	if (c->opts->tty)
		TRY(tty_make_raw(&c->tty, c->opts->in, err));
	int r = loop_add_fd(c->loop, c->opts->in, EPOLLIN, on_input, c, &c->in_source, &refused);
	c->in_is_file = r == -EPERM;
	if (r < 0 && r != -EPERM)
		*err = refused;
	return c->in_is_file ? 0 : r;
}

static int serve(struct client *c, struct err *err)
{
	TRY(keys_init(&c->keys, c->opts->detach_keys, err));
	TRY(loop_new(&c->loop, err));
	TRY(loop_add_timer(c->loop, 0, 0, on_hold, c, &c->hold, err));
	TRY(loop_add_fd(c->loop, c->sock, EPOLLIN, on_sock, c, &c->sock_source, err));
	TRY(watch_signals(c, err)); /* before raw mode: from here on no signal ends us unnoticed */
	TRY(watch_input(c, err));
	c->resize = c->opts->tty;
	TRY(flush_up(c, err));
	return loop_run(c->loop, err);
}

int client_run(int sock, const struct client_opts *opts, struct err *err)
{
	struct client client = { .opts = opts, .sock = sock, .tty = TTY_INIT };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, pipe_was;
	sigset_t mask;

	(void)sigprocmask(SIG_SETMASK, NULL, &mask);  /* cannot fail: only asks */
	(void)sigaction(SIGPIPE, &ignore, &pipe_was); /* a closed stdout is an error value */
	int r = serve(&client, err);
	tty_restore(&client.tty);
	loop_free(client.loop);
	(void)sigaction(SIGPIPE, &pipe_was, NULL);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	if (client.fatal) {
		(void)signal(client.fatal, SIG_DFL); /* SIGPIPE may have been ignored all along */
		(void)raise(client.fatal);
		return err_set(err, -EINTR, "ended by signal %d", client.fatal);
	}
	return r;
}
