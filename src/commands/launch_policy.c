/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --restart, carried out by the monitor itself. Docker's rules: the first wait is 100 ms, doubled each
 * time up to a minute, and begins anew once the container has been up for ten seconds. Every restart is
 * a launch from the record, like `start`. Whoever wants it to end leaves a note in the run directory
 * (state_ask_stop) before he signals; the note also ends the wait.
 */
#include "commands/launch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/own.h"
#include "base/xalloc.h"

#define CONFIG_MAX (64u << 20)
#define FIRST_MS   100
#define LAST_MS    60000
#define STEADY_NS  10000000000LL

static bool wanted(const struct launch *launch, int status)
{
	autojson struct json *now = NULL; /* `update` may have changed it since */
	struct err none = ERR_INIT;
	bool changed = json_read_at(
			       launch->container.dir, "config.json", CONFIG_MAX, &now, &none) == 0;
	const struct json *config = changed ? now : launch->container.config;
	const char *policy = json_str(json_get(config, "restart"), "no");
	int64_t max = json_int(json_get(config, "restartMax"), 0);

	if (state_stop_asked(&launch->container) != STOP_NOT_ASKED)
		return false;
	if (strcmp(policy, "on-failure") == 0)
		return status != 0 && (max == 0 || launch->comeback.count < max);
	return strcmp(policy, "always") == 0 || strcmp(policy, "unless-stopped") == 0;
}

void launch_end(struct launch *launch, int status)
{
	struct container *c = &launch->container;
	int64_t now = state_now();
	bool steady = c->pid > 0 && now - c->started >= STEADY_NS;
	int64_t doubled = 2 * launch->comeback.delay_ms;

	launch->comeback.due = wanted(launch, status);
	launch->comeback.delay_ms = steady || doubled == 0 ? FIRST_MS
				    : doubled > LAST_MS    ? LAST_MS
							   : doubled;
	c->status = launch->comeback.due ? STATUS_RESTARTING : STATUS_EXITED;
	c->pid = 0;
	c->pid_start = 0;
	if (!launch->comeback.due)
		c->monitor = 0;
	c->exit_code = status;
	c->finished = now;
	c->stopped = state_stop_asked(c) != STOP_NOT_ASKED;
}

static int on_time(void *data, struct err *err)
{
	loop_quit(data, 1);
	return 0;
}

static int on_signal(void *data, int signo, struct err *err)
{
	if (signo != SIGCHLD)
		loop_quit(data, 0);
	return 0;
}

struct waiting {
	struct loop *loop;
	const struct container *c;
};

static int on_note(void *data, int fd, uint32_t events, struct err *err)
{
	struct waiting *waiting = data;
	char changes[4096];

	while (read(fd, changes, sizeof(changes)) > 0)
		; /* what changed does not matter */
	if (state_stop_asked(waiting->c) != STOP_NOT_ASKED)
		loop_quit(waiting->loop, 0);
	return 0;
}

/* 1: the time is over; 0: it is to stay ended. */
static int wait_in(struct loop *loop, const struct launch *launch, struct err *err)
{
	struct waiting waiting = { loop, &launch->container };
	autofd int notes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	sigset_t ending;

	(void)sigemptyset(&ending);
	(void)sigaddset(&ending, SIGTERM);
	(void)sigaddset(&ending, SIGINT);
	(void)sigaddset(&ending, SIGHUP);
	if (notes < 0 ||
		inotify_add_watch(notes, launch->container.run_path, IN_CREATE | IN_MOVED_TO) < 0)
		return err_sys(err, "watch '%s'", launch->container.run_path);
	if (state_stop_asked(&launch->container) != STOP_NOT_ASKED)
		return 0; /* written before we looked */
	TRY(loop_add_fd(loop, notes, EPOLLIN, on_note, &waiting, NULL, err));
	TRY(loop_add_signals(loop, &ending, on_signal, loop, NULL, err));
	TRY(loop_add_timer(loop, launch->comeback.delay_ms, 0, on_time, loop, NULL, err));
	return loop_run(loop, err);
}

static int wait_turn(const struct launch *launch, struct err *err)
{
	struct loop *loop = NULL;
	int r;

	TRY(loop_new(&loop, err));
	r = wait_in(loop, launch, err);
	loop_free(loop);
	return r;
}

/* Everything anew, as `start` does. */
static int plan_next(struct launch *launch, int *ret_listener, struct err *err)
{
	struct launch next = LAUNCH_INIT;
	int r;

	next.globals = launch->globals;
	next.comeback = launch->comeback;
	next.comeback.count++;
	r = state_open(next.globals, launch->container.id, &next.container, err);
	if (r == 0)
		r = launch_again(&next, err);
	if (r == 0)
		r = launch_prepare(&next, ret_listener, err);
	if (r < 0) {
		launch_done(&next);
		launch->comeback.count++;
		return r;
	}
	launch_done(launch);
	*launch = next;
	return 0;
}

/* It could not be started: the policy decides about that as about a failed run. */
static void note_failure(struct launch *launch, const struct err *why)
{
	struct err ignored;

	launch_end(launch, why->exit ? why->exit : 125);
	free(launch->container.error);
	launch->container.error = xstrdup(why->text);
	(void)state_save(&launch->container, &ignored); /* the next look repairs it */
}

static void note_end(struct launch *launch)
{
	struct container *c = &launch->container;
	struct err ignored;

	launch->comeback.due = false;
	c->status = STATUS_EXITED;
	c->monitor = 0;
	c->stopped = state_stop_asked(c) != STOP_NOT_ASKED;
	(void)state_save(c, &ignored); /* the next look repairs it */
}

int launch_comes_back(struct launch *launch, int *ret_listener)
{
	while (launch->comeback.due) {
		struct err err = ERR_INIT;
		int r = wait_turn(launch, &err);

		if (r == 0) {
			note_end(launch);
			return 0;
		}
		if (r > 0)
			r = plan_next(launch, ret_listener, &err);
		if (r == 0)
			return 1;
		note_failure(launch, &err);
	}
	return 0;
}
