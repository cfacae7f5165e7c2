/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exec`, outside the container: the caller's terminal on one side, a small monitor of its own on the
 * other, which lives as long as the new process. As with Docker the process outlives a caller that is
 * killed or detaches; it gets end of file on stdin then, and its output goes nowhere. With -d there is no
 * monitor: the process belongs to the machine's init.
 */
#include "process/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/own.h"
#include "base/spawn.h"
#include "process/attach.h"
#include "process/exec_join.h"
#include "process/monitor.h"

#define LINGER_MS 200 /* for what background children of a finished command still write */

static int start_process(void *data, struct process *ret, struct err *err)
{
	return exec_start(data, ret, err);
}

/* Nothing is kept of an exec: no log, no record. */
static int on_joined(void *data, struct err *err)
{
	return 0;
}

static int on_started(void *data, pid_t pid, struct err *err)
{
	return 0;
}

static int on_output(void *data, int stream, const void *bytes, size_t len, struct err *err)
{
	return 0;
}

static int on_ended(void *data, int status, struct err *err)
{
	return 0;
}

static void on_failed(void *data, const struct err *why)
{
}

static const struct process_events no_events = {
	.joined = on_joined,
	.started = on_started,
	.output = on_output,
	.ended = on_ended,
	.failed = on_failed,
};

/* Lets go of the caller's terminal, pipes and directory. */
static int leave_caller(struct err *err)
{
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_sys(err, "open /dev/null");
	if (setsid() < 0)
		return err_sys(err, "setsid");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return err_sys(err, "dup");
	return chdir("/") < 0 ? err_sys(err, "chdir /") : 0;
}

static _Noreturn void serve(const struct exec_spec *spec, int client)
{
	struct exec_spec copy = *spec;
	struct err err = ERR_INIT;
	const struct monitor_job job = { .tty = spec->tty,
		.open_stdin = spec->interactive,
		.stdin_once = true,
		.launcher_in = true,
		.events = &no_events,
		.linger_ms = LINGER_MS,
		.start = start_process,
		.data = &copy };

	for (char **arg = spec->typed; arg && *arg; arg++)
		memset(*arg, 0, strlen(*arg)); /* secrets of -e would be in everybody's ps */
	if (leave_caller(&err) < 0)
		_exit(125); /* the client sees the socket close */
	int r = monitor_run(&job, client, -1, &err);
	_exit(r < 0 ? 125 : r);
}

/* Runs the terminal; the monitor is waited for unless it stays for a process we have left. */
static int attach(const struct exec_spec *spec, int sock, pid_t monitor, struct err *err)
{
	const struct client_opts opts = { .in = spec->interactive ? 0 : -1,
		.out = 1,
		.err = 2,
		.tty = spec->tty,
		.detach_keys = spec->detach_keys };
	struct err ignored;
	int r = client_run(sock, &opts, err);

	if (r == CLIENT_DETACHED)
		return 0;
	if (r >= 0 || err->exit == 126 || err->exit == 127)
		(void)spawn_wait(monitor, &ignored); /* it has said its last word */
	return r;
}

static int run_attached(const struct exec_spec *spec, struct err *err)
{
	autofd int sock = -EBADF;
	pid_t monitor = spawn_fork(&sock, err);

	if (monitor == 0)
		serve(spec, move_fd(&sock));
	return monitor < 0 ? monitor : attach(spec, sock, monitor, err);
}

static int run_detached(const struct exec_spec *spec, struct err *err)
{
	struct process process = PROCESS_INIT;

	TRY(exec_start(spec, &process, err));
	process.pid = 0; /* not ours to end */
	process_done(&process);
	return 0;
}

int exec_run(const struct exec_spec *spec, struct err *err)
{
	/* X03: from here to execve no process of the container may look into ours. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "prctl");
	if (spec->argv->n == 0)
		return err_set(err, -EINVAL, "no command given");
	return spec->detach ? run_detached(spec, err) : run_attached(spec, err);
}
