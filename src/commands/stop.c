/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop and kill. stop asks all its operands at once and then waits for one after the other, so that
 * ten slow containers take as long as the slowest.
 */
#include "commands/commands.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

#define DEFAULT_TIMEOUT 10

struct stopping {
	struct container c;
	struct err err; /* code < 0: over for this one */
	bool keep;      /* although --rm */
	bool was_up;
	int64_t asked;
};

static int stop_signal(const struct container *c, const struct stop_opts *opts, struct err *err)
{
	const char *name = json_str(json_get(c->config, "stopSignal"), "SIGTERM");

	return parse_signal(opts->signal ? opts->signal : *name ? name : "SIGTERM", err);
}

/* One that is paused could not answer the signal: it goes on, as Docker has it. */
static int signal_it(const struct globals *globals, struct container *c, int signo, struct err *err)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", signo);
	TRY(state_signal(c->pid, c->pid_start, signo, err));
	event_container(globals, c, "kill", "signal", number);
	return c->status == STATUS_PAUSED ? container_unpause(globals, c, err) : 0;
}

/* The note comes first: whatever ends the container from now on, it stays ended. */
static int ask(const struct globals *globals, const struct stop_opts *opts, struct stopping *s)
{
	int r;

	s->asked = state_now();
	s->was_up = container_up(&s->c);
	if (!s->was_up)
		return 0;
	r = stop_signal(&s->c, opts, &s->err);
	TRY(r);
	TRY(state_ask_stop(globals, &s->c, s->keep, &s->err));
	if (s->c.pid <= 0)
		return 0; /* between two restarts: the note is enough */
	r = signal_it(globals, &s->c, r, &s->err);
	if (r == -ESRCH)
		s->err = (struct err)ERR_INIT; /* just ended */
	return r == -ESRCH ? 0 : r;
}

static int64_t patience_ms(const struct stopping *s, const struct stop_opts *opts)
{
	int64_t seconds = opts->timeout;

	if (seconds < 0)
		seconds = json_int(json_get(s->c.config, "stopTimeout"), DEFAULT_TIMEOUT);
	if (seconds < 0 || seconds > INT32_MAX)
		return -1;
	seconds = seconds * 1000 - (state_now() - s->asked) / 1000000;
	return seconds > 0 ? seconds : 0;
}

static int kill_now(const struct globals *globals, struct container *c, struct err *err)
{
	event_container(globals, c, "kill", "signal", "9");
	return container_kill(globals, c, err);
}

static int finish(const struct globals *globals, const struct stop_opts *opts, struct stopping *s)
{
	int r = container_wait_end(globals, &s->c, patience_ms(s, opts), &s->err);

	if (r == -ETIMEDOUT) {
		s->err = (struct err)ERR_INIT;
		r = kill_now(globals, &s->c, &s->err);
	}
	if (r >= 0 && s->was_up)
		event_container(globals, &s->c, "stop", NULL, NULL);
	return r;
}

int container_stop(const struct globals *globals, const struct stop_opts *opts, struct container *c,
	struct err *err)
{
	struct stopping s = { .c = *c, .keep = true };
	int r = ask(globals, opts, &s);

	if (r >= 0)
		r = finish(globals, opts, &s);
	*c = s.c;
	if (r < 0)
		*err = s.err;
	return r < 0 ? r : 0;
}

int cmd_stop(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(stop_opts_done))) struct stop_opts opts = { 0 };
	autofree struct stopping *list = NULL;
	int status = 0;

	TRY(stop_opts_parse(argc, argv, &opts, err));
	list = xcalloc(opts.containers.n + 1, sizeof(*list));
	for (size_t i = 0; i < opts.containers.n; i++) {
		list[i].c = (struct container)CONTAINER_INIT;
		if (state_open(globals, opts.containers.v[i], &list[i].c, &list[i].err) == 0)
			(void)ask(globals, &opts, &list[i]); /* kept in list[i].err */
	}
	for (size_t i = 0; i < opts.containers.n; i++) {
		struct stopping *s = &list[i];

		if (s->err.code == 0 && finish(globals, &opts, s) >= 0) {
			TRY(out_line(opts.containers.v[i], err));
		} else {
			log_err(&s->err);
			status = 1;
		}
		container_done(&s->c);
	}
	return status;
}

struct killing {
	const struct globals *globals;
	int signo;
};

/* What `stop` would send: who sends it means stop. -EINVAL for a damaged record. */
static int own_signal(const struct container *c)
{
	struct err ignored;

	return parse_signal(json_str(json_get(c->config, "stopSignal"), "SIGTERM"), &ignored);
}

static int kill_one(void *data, const char *name, struct err *err)
{
	const struct killing *killing = data;
	autocontainer struct container c = CONTAINER_INIT;

	if (state_open(killing->globals, name, &c, err) < 0)
		return err_wrap(err, "cannot kill container: %s", name);
	if (!container_up(&c))
		return err_set(err, -ESRCH,
			"cannot kill container: %s: container %s is not running", name, c.id);
	if (killing->signo == SIGKILL || killing->signo == own_signal(&c))
		TRY(state_ask_stop(killing->globals, &c, false, err));
	if (killing->signo == SIGKILL)
		TRY(kill_now(killing->globals, &c, err));
	else if (c.pid > 0)
		TRY(signal_it(killing->globals, &c, killing->signo, err));
	return out_line(name, err);
}

int cmd_kill(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(kill_opts_done))) struct kill_opts opts = { 0 };
	struct killing killing = { .globals = globals };

	TRY(kill_opts_parse(argc, argv, &opts, err));
	killing.signo = parse_signal(opts.signal ? opts.signal : "KILL", err);
	TRY(killing.signo);
	return for_each_operand(&opts.containers, kill_one, &killing);
}
