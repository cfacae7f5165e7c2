/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See loop.h. Sources sit in a list; one that is deleted while a batch of events is being delivered
 * is only marked, and freed after the batch, so a stale pointer in the batch is never followed.
 */
#include "base/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/own.h"

#define BATCH 32

enum source_kind { SOURCE_FD, SOURCE_TIMER, SOURCE_SIGNALS };

struct loop_source {
	struct loop *loop;
	struct loop_source *next;
	enum source_kind kind;
	bool dead;
	int fd; /* ours for timers and signals */
	void *data;
	union {
		loop_fd_fn fd_fn;
		loop_timer_fn timer_fn;
		loop_signal_fn signal_fn;
	};
};

struct loop {
	int epoll;
	struct loop_source *sources;
	bool quit, has_dead;
	int value;
};

int loop_new(struct loop **ret, struct err *err)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return err_set(err, -ENOMEM, "out of memory");
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0) {
		free(loop);
		return err_sys(err, "epoll_create1");
	}
	*ret = loop;
	return 0;
}

static void source_free(struct loop_source *source)
{
	if (source->kind != SOURCE_FD)
		(void)close(source->fd); /* timerfd or signalfd: nothing to lose */
	free(source);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->sources) {
		struct loop_source *next = loop->sources->next;

		source_free(loop->sources);
		loop->sources = next;
	}
	(void)close(loop->epoll);
	free(loop);
}

static int source_add(struct loop *loop, const struct loop_source *proto, uint32_t events,
	struct loop_source **ret, struct err *err)
{
	struct loop_source *source = malloc(sizeof(*source));
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (!source)
		return err_set(err, -ENOMEM, "out of memory");
	*source = *proto;
	source->loop = loop;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0) {
		int r = err_sys(err, "epoll_ctl");

		free(source);
		return r;
	}
	source->next = loop->sources;
	loop->sources = source;
	if (ret)
		*ret = source;
	return 0;
}

int loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn fn, void *data,
	struct loop_source **ret, struct err *err)
{
	struct loop_source proto = { .kind = SOURCE_FD, .fd = fd, .data = data, .fd_fn = fn };

	return source_add(loop, &proto, events, ret, err);
}

int loop_mod_fd(struct loop_source *source, uint32_t events, struct err *err)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (epoll_ctl(source->loop->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0)
		return err_sys(err, "epoll_ctl");
	return 0;
}

static struct timespec from_ms(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

int loop_set_timer(struct loop_source *source, int64_t ms, int64_t every_ms, struct err *err)
{
	struct itimerspec when = { .it_value = from_ms(ms), .it_interval = from_ms(every_ms) };

	if (timerfd_settime(source->fd, 0, &when, NULL) < 0)
		return err_sys(err, "timerfd_settime");
	return 0;
}

int loop_add_timer(struct loop *loop, int64_t ms, int64_t every_ms, loop_timer_fn fn, void *data,
	struct loop_source **ret, struct err *err)
{
	autofd int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct loop_source proto = { .kind = SOURCE_TIMER, .fd = fd, .data = data, .timer_fn = fn };
	struct loop_source *source;

	if (fd < 0)
		return err_sys(err, "timerfd_create");
	TRY(source_add(loop, &proto, EPOLLIN, &source, err));
	(void)move_fd(&fd); /* the source's from here on */
	if (ret)
		*ret = source;
	return loop_set_timer(source, ms, every_ms, err);
}

int loop_add_signals(struct loop *loop, const sigset_t *set, loop_signal_fn fn, void *data,
	struct loop_source **ret, struct err *err)
{
	autofd int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	struct loop_source proto = {
		.kind = SOURCE_SIGNALS, .fd = fd, .data = data, .signal_fn = fn
	};

	if (fd < 0)
		return err_sys(err, "signalfd");
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0)
		return err_sys(err, "sigprocmask");
	TRY(source_add(loop, &proto, EPOLLIN, ret, err));
	(void)move_fd(&fd);
	return 0;
}

void loop_del(struct loop_source *source)
{
	if (!source || source->dead)
		return;
	(void)epoll_ctl(
		source->loop->epoll, EPOLL_CTL_DEL, source->fd, NULL); /* fd may be closed */
	source->dead = true;
	source->loop->has_dead = true;
}

static void sweep(struct loop *loop)
{
	struct loop_source **at = &loop->sources;

	while (*at) {
		struct loop_source *source = *at;

		if (!source->dead) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		source_free(source);
	}
	loop->has_dead = false;
}

static int deliver_signals(struct loop_source *source, struct err *err)
{
	struct signalfd_siginfo info;

	while (!source->dead && read(source->fd, &info, sizeof(info)) == sizeof(info))
		TRY(source->signal_fn(source->data, (int)info.ssi_signo, err));
	return 0;
}

static int deliver(struct loop_source *source, uint32_t events, struct err *err)
{
	uint64_t expirations;

	switch (source->kind) {
	case SOURCE_FD:
		return source->fd_fn(source->data, source->fd, events, err);
	case SOURCE_TIMER:
		if (read(source->fd, &expirations, sizeof(expirations)) < 0)
			return 0; /* rearmed meanwhile */
		return source->timer_fn(source->data, err);
	case SOURCE_SIGNALS:
		return deliver_signals(source, err);
	}
	return 0;
}

int loop_run(struct loop *loop, struct err *err)
{
	struct epoll_event events[BATCH];

	loop->quit = false;
	while (!loop->quit) {
		int n = epoll_wait(loop->epoll, events, BATCH, -1);

		if (n < 0 && errno != EINTR)
			return err_sys(err, "epoll_wait");
		for (int i = 0; i < n && !loop->quit; i++) {
			struct loop_source *source = events[i].data.ptr;

			if (!source->dead)
				TRY(deliver(source, events[i].events, err));
		}
		if (loop->has_dead)
			sweep(loop);
	}
	return loop->value;
}

void loop_quit(struct loop *loop, int value)
{
	loop->quit = true;
	loop->value = value;
}
