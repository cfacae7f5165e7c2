/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain fork(): the child only unpacks and ends. Its pipe to us does not block while it unpacks (a
 * lost count of bytes is replaced by the next), but does for the last report. Bytes are fed with
 * splice(2) from the partial file, which buffers whatever the worker is too slow for.
 *
 * A worker leads a process group and unpacks in a child of its own. When one ends, all of its group
 * have been waited for: nothing works on in the store after the command that started it.
 */
#include "image/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "image/store_private.h"

#define FEED_BYTES (1 << 20)

static void tell(void *data, int64_t consumed)
{
	struct report report = { .consumed = consumed };
	int reports = *(int *)data;

	if (write(reports, &report, sizeof(report)) < 0)
		return; /* the pipe is full: the next count will do */
}

static _Noreturn void work(const struct store *store, struct layer_job *job, int reports)
{
	struct report report = { .final = true };

	job->progress = tell;
	job->data = &reports;
	report.result = store_unpack_layer(store, job, &report.err);
	if (fcntl(reports, F_SETFL, 0) < 0 || write(reports, &report, sizeof(report)) < 0)
		_exit(1);
	_exit(0);
}

/* In the child: as long as it held a feeding end, that sibling would wait for more. */
static void close_siblings(struct worker_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		fd_drop(&set->list[i].feed);
		fd_drop(&set->list[i].reports);
		fd_drop(&set->list[i].source);
	}
	if (set->secret > 0)
		(void)close(set->secret);
}

/* Both ends of the feeding pipe and the file behind it; nothing for source < 0. */
static int prepare_feed(int source, struct worker *ret, int *ret_read_end, struct err *err)
{
	int ends[2];

	if (source < 0)
		return 0;
	ret->source = fcntl(source, F_DUPFD_CLOEXEC, 3);
	if (ret->source < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "prepare unpacking");
	*ret_read_end = ends[0];
	ret->feed = ends[1];
	if (fcntl(ret->feed, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "prepare unpacking");
	(void)fcntl(ret->feed, F_SETPIPE_SZ, FEED_BYTES); /* refused: a small one works, too */
	return 0;
}

int worker_start(
	struct worker_set *set, size_t at, const struct layer_job *job, int source, struct err *err)
{
	struct worker *worker = &set->list[at];
	autofd int write_end = -EBADF, read_end = -EBADF;
	struct layer_job own = *job;
	pid_t parent = getpid();
	int ends[2];

	*worker = (struct worker)WORKER_INIT;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys(err, "prepare unpacking");
	worker->reports = ends[0];
	write_end = ends[1];
	TRY(prepare_feed(source, worker, &read_end, err));
	/* What a killed worker has started becomes a child of ours, to be waited for as well. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(err, "prepare unpacking");
	worker->pid = fork();
	if (worker->pid < 0) {
		worker->pid = 0;
		return err_sys(err, "start a process for unpacking");
	}
	(void)setpgid(worker->pid, worker->pid); /* both sides: whoever comes first */
	if (worker->pid > 0)
		return 0;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a valid signal */
	if (getppid() != parent)
		_exit(1);
	close_siblings(set);
	own.source = source < 0 ? 0 : read_end;
	work(set->store, &own, write_end);
}

int worker_feed(struct worker *worker, int64_t have, struct err *err)
{
	while (worker->feed >= 0 && worker->fed < have) {
		off_t at = worker->fed;
		size_t want = have - at < FEED_BYTES ? (size_t)(have - at) : FEED_BYTES;
		ssize_t n = splice(
			worker->source, &at, worker->feed, NULL, want, SPLICE_F_NONBLOCK);

		if (n < 0 && errno == EPIPE)
			worker_end_feed(worker); /* it has ended; its last report says why */
		else if (n < 0 && errno == EAGAIN)
			return 0;
		else if (n <= 0 && errno != EINTR)
			return err_sys(err, "hand a layer to its unpacking");
		else if (n > 0)
			worker->fed += n;
	}
	return 0;
}

void worker_end_feed(struct worker *worker)
{
	fd_drop(&worker->feed);
	fd_drop(&worker->source);
}

/* The worker and, if it was killed, what it had started: that dies with it, but a moment later. */
static void reap(struct worker *worker)
{
	while (waitpid(-worker->pid, NULL, 0) > 0 || errno == EINTR)
		;
	worker->pid = 0;
	worker_end_feed(worker);
	fd_drop(&worker->reports);
}

int worker_hear(struct worker_set *set, size_t at, struct report *ret, struct err *err)
{
	struct worker *worker = &set->list[at];
	ssize_t n = read(worker->reports, ret, sizeof(*ret));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == (ssize_t)sizeof(*ret) && !ret->final)
		return 1;
	set->killed |= n != (ssize_t)sizeof(*ret);
	reap(worker);
	if (n != (ssize_t)sizeof(*ret))
		return err_set(err, -ECHILD, "the process that unpacks was killed");
	return 1;
}

void worker_kill(struct worker_set *set, size_t at)
{
	struct worker *worker = &set->list[at];

	if (worker->pid > 0) {
		(void)kill(-worker->pid, SIGKILL); /* ours and not waited for: exists */
		reap(worker);
		set->killed = true;
	}
	worker_end_feed(worker); /* what a failed start left */
	fd_drop(&worker->reports);
}

void worker_set_done(struct worker_set *set)
{
	struct err why = ERR_INIT;

	for (size_t i = 0; i < set->n; i++)
		worker_kill(set, i);
	free(set->list);
	if (set->killed && gc_tmp(set->store, &why) < 0)
		log_msg(LOG_WARN, "what an unpacking left could not be removed: %s", why.text);
	*set = (struct worker_set){ 0 };
}
