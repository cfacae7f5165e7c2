/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See spawn.h. The child's errno crosses a CLOEXEC pipe: a successful exec closes it unread. Between
 * fork and exec the child only makes system calls (the parent may hold library locks).
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/self.h"
#include "base/sys.h"
#include "base/userns.h"

/* Numbers above every target, so that no dup2 below overwrites a source that is still needed. */
static int lift(int fd, int floor)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, floor);
}

static int place_fds(const struct spawn *spawn, int *tell)
{
	int floor = 3, lifted[32];

	if (spawn->n_fds > ARRAY_SIZE(lifted))
		return -EINVAL;
	for (size_t i = 0; i < spawn->n_fds; i++)
		if (spawn->fds[i].to >= floor)
			floor = spawn->fds[i].to + 1;
	*tell = lift(*tell, floor);
	if (*tell < 0)
		return -errno;
	for (size_t i = 0; i < spawn->n_fds; i++) {
		lifted[i] = lift(spawn->fds[i].from, floor);
		if (lifted[i] < 0)
			return -errno;
	}
	if (sys_close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return -errno;
	for (size_t i = 0; i < spawn->n_fds; i++)
		if (dup2(lifted[i], spawn->fds[i].to) < 0)
			return -errno;
	return 0;
}

static int child_setup(const struct spawn *spawn, pid_t parent, int *tell)
{
	struct err err;
	sigset_t none;

	/* Handlers vanish at exec by themselves; ignored and blocked signals would be inherited. */
	if (sigemptyset(&none) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
		return -errno;
	if (signal(SIGPIPE, SIG_DFL) == SIG_ERR)
		return -errno;
	if (spawn->new_session && setsid() < 0)
		return -errno;
	if (spawn->userns_fd > 0)
		TRY(userns_join(spawn->userns_fd, &err));
	if (spawn->death_signal) {
		if (prctl(PR_SET_PDEATHSIG, spawn->death_signal) < 0)
			return -errno;
		if (getppid() != parent)
			return -ESRCH; /* it died before the prctl */
	}
	return place_fds(spawn, tell);
}

static _Noreturn void child_main(const struct spawn *spawn, pid_t parent, int tell)
{
	int code = child_setup(spawn, parent, &tell);

	if (code == 0) {
		if (spawn->envp)
			(void)execvpe(spawn->path, spawn->argv, spawn->envp);
		else
			(void)execvp(spawn->path, spawn->argv);
		code = -errno;
	}
	if (write(tell, &code, sizeof(code)) < 0)
		_exit(126);
	_exit(127);
}

pid_t spawn_fork(int *ret_sock, struct err *err)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	pid = fork();
	if (pid < 0)
		(void)err_sys(err, "fork");
	(void)close(pair[pid != 0]);
	if (pid < 0)
		(void)close(pair[0]);
	else
		*ret_sock = pair[pid == 0];
	return pid < 0 ? err->code : pid;
}

pid_t spawn_start(const struct spawn *spawn, int *ret_pidfd, struct err *err)
{
	autofd int read_end = -EBADF, write_end = -EBADF;
	pid_t parent = getpid(), pid;
	int pipes[2], code = 0, status;
	ssize_t n;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	read_end = pipes[0];
	write_end = pipes[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "fork");
	if (pid == 0)
		child_main(spawn, parent, write_end);
	fd_drop(&write_end);
	do {
		n = read(read_end, &code, sizeof(code));
	} while (n < 0 && errno == EINTR);
	if (n == sizeof(code)) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		errno = -code;
		return err_sys(err, "start %s", spawn->path);
	}
	if (ret_pidfd) {
		*ret_pidfd = sys_pidfd_open(pid);
		if (*ret_pidfd < 0)
			*ret_pidfd = -errno; /* < 5.3: the caller waits by pid */
	}
	return pid;
}

int spawn_wait(pid_t pid, struct err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, "wait for process %d", (int)pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int spawn_run(const struct spawn *spawn, struct err *err)
{
	pid_t pid = spawn_start(spawn, NULL, err);

	return pid < 0 ? pid : spawn_wait(pid, err);
}

static int collect(int fd, size_t max, char **ret, struct err *err)
{
	autofree char *data = malloc(max + 1);
	size_t len = 0;

	if (!data)
		return err_set(err, -ENOMEM, "out of memory");
	for (;;) {
		ssize_t n = read(fd, data + len, max - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read the program's output");
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == max)
			return err_set(err, -EFBIG, "the program wrote more than %zu bytes", max);
	}
	data[len] = '\0';
	*ret = move_ptr(&data);
	return 0;
}

int spawn_capture(const struct spawn *spawn, size_t max, char **ret, struct err *err)
{
	autofd int read_end = -EBADF, write_end = -EBADF;
	struct spawn_fd fds[32];
	struct spawn with_pipe = *spawn;
	int pipes[2], r, status;
	pid_t pid;

	if (spawn->n_fds + 1 > ARRAY_SIZE(fds))
		return err_set(err, -EINVAL, "too many descriptors for %s", spawn->path);
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	read_end = pipes[0];
	write_end = pipes[1];
	if (spawn->n_fds)
		memcpy(fds, spawn->fds, spawn->n_fds * sizeof(*fds));
	fds[spawn->n_fds] = (struct spawn_fd){ .from = write_end, .to = STDOUT_FILENO };
	with_pipe.fds = fds;
	with_pipe.n_fds = spawn->n_fds + 1;
	pid = spawn_start(&with_pipe, NULL, err);
	if (pid < 0)
		return pid;
	fd_drop(&write_end);
	r = collect(read_end, max, ret, err);
	fd_drop(&read_end);
	if (r < 0)
		(void)kill(pid, SIGKILL); /* it may be writing for ever */
	status = spawn_wait(pid, r < 0 ? &(struct err)ERR_INIT : err);
	if (r == 0 && status < 0) {
		free(*ret);
		*ret = NULL;
	}
	return r < 0 ? r : status;
}

int spawn_find_helper(const char *name, char **ret, struct err *err)
{
	static const char *const places[] = { "", "../libexec/sbx/" };
	autofree char *self = NULL;
	char path[PATH_MAX + 64], *slash;

	TRY(self_path(&self, err));
	slash = strrchr(self, '/');
	if (!slash)
		return err_set(err, -ENOENT, "cannot tell where sbx is installed: '%s'", self);
	slash[1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		(void)snprintf(path, sizeof(path), "%s%s%s", self, places[i], name);
		if (access(path, X_OK) == 0) {
			*ret = strdup(path);
			return *ret ? 0 : err_set(err, -ENOMEM, "out of memory");
		}
	}
	return err_set(err, -ENOENT, "%s is missing: it should be in %s or %s../libexec/sbx", name,
		self, self);
}
