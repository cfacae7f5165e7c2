/* SPDX-License-Identifier: Apache-2.0 */
/*
 * monitor ── prober ── the test command, inside the container
 *
 * The prober is forked per probe, lets go of everything of the monitor's but one pipe, starts the command,
 * waits for it at most its time, and writes one struct health_result. When the pipe ends without a whole
 * one, the probe has failed.
 */
#include "process/health.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "process/exec_join.h"

#define ANSWER_FD    3
#define CONTAINER_FD 4
#define SLICE_MS     50 /* between two looks where the kernel has no pidfd */

void health_judge(
	struct health_state *state, const struct health_spec *spec, bool ok, bool starting)
{
	if (ok) {
		*state = (struct health_state){ HEALTH_HEALTHY, 0 };
		return;
	}
	if (starting && state->status == HEALTH_STARTING)
		return;
	if (++state->streak >= spec->retries)
		state->status = HEALTH_UNHEALTHY;
}

int64_t health_next_ms(const struct health_spec *spec, enum health_status status, int64_t up_ms)
{
	bool early = status == HEALTH_STARTING && up_ms < spec->start_period_ms;

	return early ? spec->start_interval_ms : spec->interval_ms;
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts); /* cannot fail for these clocks */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t now_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

/* ---- prober ---- */

static void add_output(struct health_result *result, const char *text, size_t len)
{
	size_t room = sizeof(result->output) - result->len;

	if (len > room)
		len = room;
	memcpy(result->output + result->len, text, len);
	result->len += (uint32_t)len;
}

/* Whatever is there now; false at the end. */
static bool take_output(int fd, struct health_result *result)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n > 0)
		add_output(result, chunk, (size_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static void drain(const struct process *process, struct health_result *result)
{
	const int fds[] = { process->out, process->err };

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		struct pollfd p = { fds[i], POLLIN, 0 };

		while (poll(&p, 1, 0) > 0 && take_output(fds[i], result))
			; /* background children may keep it open: only what is there */
	}
}

static bool has_ended(pid_t pid, int *ret_code)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

/* False when the time is over. */
static bool await_end(struct process *process, int64_t timeout_ms, struct health_result *result)
{
	struct pollfd fds[] = { { process->out, POLLIN, 0 }, { process->err, POLLIN, 0 },
		{ process->pidfd, POLLIN, 0 } };
	int64_t end = now_ms() + timeout_ms;

	while (!has_ended(process->pid, &result->exit_code)) {
		int64_t left = end - now_ms();

		if (left <= 0)
			return false;
		if (process->pidfd < 0 && left > SLICE_MS)
			left = SLICE_MS;
		if (poll(fds, ARRAY_SIZE(fds), left > INT32_MAX ? INT32_MAX : (int)left) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (fds[i].revents && !take_output(fds[i].fd, result))
				fds[i].fd = -1;
	}
	return true;
}

int health_run(const struct exec_spec *spec, int64_t timeout_ms, struct health_result *ret,
	struct err *err)
{
	autoprocess struct process process = PROCESS_INIT; /* its end kills a slow one */
	char text[80];

	ret->exit_code = -1;
	ret->len = 0;
	TRY(exec_start(spec, &process, err));
	if (await_end(&process, timeout_ms, ret)) {
		process.pid = 0; /* reaped */
		drain(&process, ret);
		return 0;
	}
	ret->len = 0;
	ret->exit_code = -1;
	snprintf(text, sizeof(text), "Health check exceeded timeout (%.9gs)",
		(double)timeout_ms / 1000);
	add_output(ret, text, strlen(text));
	return 0;
}

static void run_test(const struct exec_spec *spec, int64_t timeout_ms, struct health_result *result)
{
	struct err err = ERR_INIT;

	if (health_run(spec, timeout_ms, result, &err) == 0)
		return;
	result->exit_code = err.exit ? err.exit : -1;
	add_output(result, err.text, strlen(err.text));
}

/* Only these two descriptors stay: the container's stdin, say, must end when the monitor closes it. */
static int keep_two(int answer, int container)
{
	int high[2] = { fcntl(answer, F_DUPFD_CLOEXEC, 10), fcntl(container, F_DUPFD_CLOEXEC, 10) };

	if (high[0] < 0 || dup3(high[0], ANSWER_FD, O_CLOEXEC) < 0 ||
		(high[1] >= 0 && dup3(high[1], CONTAINER_FD, O_CLOEXEC) < 0))
		return -1;
	return sys_close_range(high[1] >= 0 ? CONTAINER_FD + 1 : CONTAINER_FD, ~0u, 0);
}

static _Noreturn void prober_main(const struct health *health, int answer)
{
	struct health_result result = { .start = now_ns(CLOCK_REALTIME) };
	struct exec_spec spec = *health->job->exec;
	struct err err = ERR_INIT;

	/* X03: no process of the container may look into this one. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
		keep_two(answer, health->pidfd) < 0)
		_exit(125);
	spec.pid = health->pid;
	spec.cgroup = health->cgroup;
	spec.pidfd = health->pidfd >= 0 ? CONTAINER_FD : -1;
	run_test(&spec, health->job->spec->timeout_ms, &result);
	result.end = now_ns(CLOCK_REALTIME);
	_exit(fs_write_all(ANSWER_FD, &result, sizeof(result), &err) < 0 ? 125 : 0);
}

/* ---- monitor ---- */

static int arm(struct health *health, struct err *err);

static void reap_prober(struct health *health, bool kill_it)
{
	struct err ignored = ERR_INIT;

	loop_del(health->source);
	health->source = NULL;
	fd_drop(&health->answer);
	if (health->prober <= 0)
		return;
	if (kill_it)
		(void)kill(health->prober, SIGKILL); /* our child, not reaped: it is the one */
	(void)spawn_wait(health->prober, &ignored);
	health->prober = 0;
}

static int finish(struct health *health, struct err *err)
{
	const struct health_job *job = health->job;
	struct health_result *result = &health->result;
	static const char lost[] = "the health check could not be run";

	if (health->have < sizeof(*result) || result->len > sizeof(result->output)) {
		*result = (struct health_result){ .exit_code = -1 };
		result->start = result->end = now_ns(CLOCK_REALTIME);
		add_output(result, lost, strlen(lost));
	}
	reap_prober(health, true);
	health_judge(&health->state, job->spec, result->exit_code == 0,
		now_ms() - health->began < job->spec->start_period_ms);
	job->probed(job->data, &health->state, result);
	return arm(health, err);
}

static int on_answer(void *data, int fd, uint32_t events, struct err *err)
{
	struct health *health = data;
	size_t room = sizeof(health->result) - health->have;
	ssize_t n = room ? read(fd, (char *)&health->result + health->have, room) : 0;

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		health->have += (size_t)n;
	return n > 0 && health->have < sizeof(health->result) ? 0 : finish(health, err);
}

/* A machine that has no process or descriptor left for us now may have one at the next time. */
static int on_due(void *data, struct err *err)
{
	struct health *health = data;
	int ends[2];

	if (health->prober > 0 || !health->job->may_probe(health->job->data))
		return arm(health, err);
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return arm(health, err);
	health->have = 0;
	health->prober = fork();
	if (health->prober == 0)
		prober_main(health, ends[1]);
	(void)close(ends[1]); /* the prober has its own */
	health->answer = ends[0];
	if (health->prober < 0) {
		fd_drop(&health->answer);
		return arm(health, err);
	}
	return loop_add_fd(
		health->loop, health->answer, EPOLLIN, on_answer, health, &health->source, err);
}

static int arm(struct health *health, struct err *err)
{
	int64_t ms = health_next_ms(
		health->job->spec, health->state.status, now_ms() - health->began);

	if (health->timer)
		return loop_set_timer(health->timer, ms, 0, err);
	return loop_add_timer(health->loop, ms, 0, on_due, health, &health->timer, err);
}

int health_start(struct health *health, const struct health_job *job, struct loop *loop, pid_t pid,
	int pidfd, struct err *err)
{
	if (!job)
		return 0;
	*health = (struct health){ .job = job,
		.loop = loop,
		.pid = pid,
		.pidfd = pidfd,
		.answer = -EBADF,
		.began = now_ms() };
	return arm(health, err);
}

void health_stop(struct health *health)
{
	if (!health->job)
		return;
	loop_del(health->timer);
	health->timer = NULL;
	reap_prober(health, true);
	health->job = NULL;
}
