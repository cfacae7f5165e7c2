/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages with work to do get a process each and go on side by side. A worker that needs another stage waits
 * until that one's worker hangs up; since a stage only names earlier ones, and workers are forked in that
 * order, each inherits the pipes it may have to wait for and there is no cycle. A worker dies with the process
 * that forked it, and takes its RUN along.
 */
#include "builder/build.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "builder/progress.h"

#define REDRAW_MS 100

struct crew {
	struct build *build;
	struct loop *loop;
	pid_t *pids; /* one per stage; 0 = none */
	struct err failure;
	struct lines fault;
	bool failed;
};

/* ---- the worker ---- */

static int send_failure(struct build *b, const struct err *why)
{
	struct report head = { .kind = REPORT_FAILED,
		.number = (int64_t)b->fault.first << 32 | b->fault.last };

	report_bytes(b, &head, why, sizeof(*why));
	return 1;
}

static int work(struct build *b, size_t stage)
{
	struct err err = ERR_INIT;
	char name[40];
	int r = stage_advance(b, stage, false, &err);

	(void)snprintf(name, sizeof(name), "stage-%zu.json", stage);
	if (r >= 0)
		r = snapshot_save(&b->runs[stage].snap, b->work_fd, name, &err);
	return r < 0 ? send_failure(b, &err) : 0;
}

static _Noreturn void worker_main(struct build *b, size_t stage, int reports, pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	b->reports = reports;
	_exit(work(b, stage));
}

static int start_one(struct crew *crew, size_t stage, int theirs, int ours, struct err *err)
{
	struct build *b = crew->build;
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	crew->pids[stage] = fork();
	if (crew->pids[stage] == 0) {
		(void)close(ours);
		(void)close(ends[0]); /* its own end of this pipe would never hang up */
		worker_main(b, stage, theirs, parent);
	}
	(void)close(ends[1]); /* the worker's */
	b->runs[stage].ended = ends[0];
	if (crew->pids[stage] < 0) {
		crew->pids[stage] = 0;
		return err_sys(err, "fork a worker");
	}
	return 0;
}

/* ---- the one that watches ---- */

static void stop_all(struct crew *crew)
{
	for (size_t i = 0; i < crew->build->stages.n; i++)
		if (crew->pids[i] > 0)
			(void)kill(crew->pids[i], SIGKILL); /* our child, not reaped yet */
}

static void take_failure(struct crew *crew, const struct report *head, const char *text, size_t len)
{
	struct err why;

	if (len != sizeof(why))
		return;
	memcpy(&why, text, sizeof(why));
	if (crew->failed && crew->failure.code != -ECANCELED)
		return; /* the first is the one to tell */
	if (crew->failed && why.code == -ECANCELED)
		return;
	crew->failed = true;
	crew->failure = why;
	crew->fault = (struct lines){ (unsigned)(head->number >> 32),
		(unsigned)(head->number & 0xffffffff) };
	if (why.code != -ECANCELED) /* that one only heard of another's */
		stop_all(crew);
}

static int on_report(void *data, int fd, uint32_t events, struct err *err)
{
	struct crew *crew = data;
	struct {
		struct report head;
		char text[REPORT_TEXT + 1];
	} message;
	ssize_t n = recv(fd, &message, sizeof(message) - 1, MSG_DONTWAIT);

	(void)events;
	(void)err;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		loop_quit(crew->loop, 0);
		return 0;
	}
	if ((size_t)n < sizeof(message.head))
		return 0;
	n -= (ssize_t)sizeof(message.head);
	message.text[n] = '\0';
	if (message.head.kind == REPORT_FAILED)
		take_failure(crew, &message.head, message.text, (size_t)n);
	else if (message.head.kind == REPORT_SHELL)
		progress_pause(crew->build->progress, true);
	else
		progress_report(crew->build->progress, &message.head, message.text, (size_t)n);
	return 0;
}

static int on_signal(void *data, int signo, struct err *err)
{
	struct crew *crew = data;

	if (signo == SIGCHLD)
		return 0;
	stop_all(crew);
	(void)err_set(err, -EINTR, "the build was interrupted");
	return err_exit(err, 128 + signo);
}

static int on_tick(void *data, struct err *err)
{
	struct progress *p = ((struct crew *)data)->build->progress;

	(void)err;
	if (!p->paused)
		progress_draw(p, false);
	return 0;
}

static int watch(struct crew *crew, int reports, struct err *err)
{
	const struct progress *p = crew->build->progress;
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	TRY(loop_new(&crew->loop, err));
	TRY(loop_add_signals(crew->loop, &signals, on_signal, crew, NULL, err));
	TRY(loop_add_fd(crew->loop, reports, EPOLLIN, on_report, crew, NULL, err));
	if (p->mode == PROGRESS_TTY && !p->quiet)
		TRY(loop_add_timer(crew->loop, REDRAW_MS, REDRAW_MS, on_tick, crew, NULL, err));
	return loop_run(crew->loop, err);
}

static int reap(struct crew *crew, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < crew->build->stages.n; i++) {
		struct err ignored = ERR_INIT;
		int status;

		if (crew->pids[i] <= 0)
			continue;
		status = spawn_wait(crew->pids[i], &ignored);
		crew->pids[i] = 0;
		if (status != 0 && r == 0)
			r = err_set(
				err, -EPIPE, "the worker of stage %zu died (status %d)", i, status);
	}
	return r;
}

static int start_all(struct crew *crew, struct err *err)
{
	int pair[2];
	int r = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	for (size_t i = 0; r == 0 && i < crew->build->stages.n; i++)
		if (crew->build->stages.all[i].needed && !crew->build->runs[i].complete)
			r = start_one(crew, i, pair[1], pair[0], err);
	(void)close(pair[1]); /* the workers' */
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	return pair[0];
}

static int carry_out(struct crew *crew, struct err *err)
{
	autofd int reports = start_all(crew, err);
	struct err why = ERR_INIT;
	int r = reports, died;

	if (r >= 0)
		r = watch(crew, reports, err);
	if (r < 0)
		stop_all(crew);
	died = reap(crew, &why);
	if (crew->failed) {
		*err = crew->failure;
		crew->build->fault = crew->fault;
		return err->code;
	}
	if (r >= 0 && died < 0) {
		*err = why;
		return died;
	}
	return r < 0 ? r : 0;
}

int build_userns(struct build *b, struct err *err)
{
	if (b->userns >= 0)
		return 0;
	b->userns = userns_open(&b->idmap, err);
	return b->userns < 0 ? b->userns : 0;
}

/* What every build with work to do needs, all at once. Whoever needs what could not be had tries again, and tells. */
static void warm_up(struct build *b)
{
	struct err ignored = ERR_INIT;
	struct userns_job job;
	bool begun = userns_begin(&b->idmap, &job, &ignored) == 0;

	b->userns = begun ? job.fd : -EBADF;
	export_prepare(b);
	if (!begun || userns_finish(&job, &ignored) == 0)
		return;
	fd_drop(&b->userns);
	image_compose_drop(&b->composer);
}

int workers_run(struct build *b, struct err *err)
{
	struct crew crew = { .build = b };
	const struct snapshot *result;
	int r;

	warm_up(b);
	crew.pids = xcalloc(b->stages.n + 1, sizeof(*crew.pids));
	r = carry_out(&crew, err);
	loop_free(crew.loop);
	free(crew.pids);
	return r < 0 ? r : stage_result(b, b->stages.target, false, &result, err);
}
