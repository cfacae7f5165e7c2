/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By SIGSTOP, for want of a cgroup of our own. Parents are stopped before their children and
 * continued after them, so that a shell inside never runs while a child of it is stopped and does
 * not take that for job control. A guard process does it: when the caller dies, it still continues.
 */
#include "commands/freeze.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "commands/common.h"

#define STOP_MS 2000
#define PASSES  50 /* while one is looking, processes that run make others */

struct process {
	pid_t pid;
	uint64_t start;
};

struct frozen {
	struct process *list;
	size_t n;
	ino_t space; /* the container's pid namespace */
};

static ino_t pid_space(pid_t pid)
{
	char path[64];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

static bool known(const struct frozen *f, pid_t pid, uint64_t start)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].pid == pid && f->list[i].start == start)
			return true;
	return false;
}

static int oldest_first(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->pid < y->pid ? -1 : 1;
}

/* The processes of the container that are not known yet, appended. Returns how many. */
static size_t look(struct frozen *f)
{
	autodir DIR *proc = opendir("/proc");
	size_t before = f->n;
	struct dirent *e;

	while (proc && (e = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		uint64_t start;

		if (pid <= 0 || pid_space(pid) != f->space)
			continue;
		start = state_pid_start(pid);
		if (start == 0 || known(f, pid, start))
			continue;
		f->list = xreallocarray(f->list, f->n + 1, sizeof(*f->list));
		f->list[f->n++] = (struct process){ pid, start };
	}
	if (f->n > before)
		qsort(f->list + before, f->n - before, sizeof(*f->list), oldest_first);
	return f->n - before;
}

static void stop_all(struct frozen *f)
{
	struct err ignored = ERR_INIT; /* ended meanwhile */

	for (int pass = 0; pass < PASSES; pass++) {
		size_t n = look(f);

		if (n == 0)
			return;
		for (size_t i = f->n - n; i < f->n; i++)
			(void)state_signal(f->list[i].pid, f->list[i].start, SIGSTOP, &ignored);
	}
}

static void continue_all(struct frozen *f)
{
	struct err ignored = ERR_INIT; /* ended meanwhile */

	if (f->n > 1)
		qsort(f->list, f->n, sizeof(*f->list), oldest_first);
	for (size_t i = f->n; i > 0; i--)
		(void)state_signal(f->list[i - 1].pid, f->list[i - 1].start, SIGCONT, &ignored);
}

static _Noreturn void guard(int fd, ino_t space)
{
	struct frozen f = { .space = space };
	sigset_t all;
	char byte = 0;

	(void)setsid(); /* a terminal's ^C is for the command */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	stop_all(&f);
	if (write(fd, &byte, 1) == 1)
		while (read(fd, &byte, 1) < 0 && errno == EINTR)
			;
	continue_all(&f);
	_exit(0);
}

/* A signal is taken when the process is next scheduled; one in the kernel (D) stops on its way out. */
static bool still_runs(const struct process *p)
{
	char path[40], text[512];
	autofd int fd = -EBADF;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)p->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strrchr(text, ')');
	return at && (at[2] == 'R' || at[2] == 'S');
}

static void await_stop(const struct frozen *f)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int waited = 0;

	for (size_t i = 0; i < f->n; i++)
		for (; waited < STOP_MS && still_runs(&f->list[i]); waited++)
			(void)nanosleep(&pause, NULL);
}

int freeze_hold(const struct container *c, struct err *err)
{
	struct frozen f = { .space = pid_space(c->pid) };

	if (f.space == 0 || f.space == pid_space(getpid()))
		return err_set(err, -ESRCH, "container %s cannot be paused", c->name);
	stop_all(&f);
	await_stop(&f);
	free(f.list);
	if (state_pid_start(c->pid) != c->pid_start)
		return err_set(err, -ESRCH, "container %s has ended", c->name);
	return 0;
}

void freeze_release(const struct container *c)
{
	struct frozen f = { .space = pid_space(c->pid) };

	if (f.space == 0 || f.space == pid_space(getpid()))
		return; /* it has ended */
	(void)look(&f);
	continue_all(&f);
	free(f.list);
}

int freeze_start(const struct container *c, struct err *err)
{
	autofd int mine = -EBADF, theirs = -EBADF;
	ino_t space = pid_space(c->pid);
	int ends[2];
	char byte;
	pid_t pid;

	if (space == 0 || space == pid_space(getpid()))
		return err_set(err, -ESRCH, "container %s cannot be paused", c->name);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_sys(err, "pause container %s", c->name);
	mine = ends[0];
	theirs = ends[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "pause container %s", c->name);
	if (pid == 0) {
		fd_drop(&mine);
		guard(theirs, space);
	}
	fd_drop(&theirs);
	if (read(mine, &byte, 1) != 1)
		return err_set(err, -ESRCH, "container %s cannot be paused", c->name);
	return move_fd(&mine);
}

/* In a child: only members of the user namespace may touch what is served by a process. */
static int flush_child(const struct container *c, struct err *err)
{
	autofree char *space = xasprintf("/proc/%d/ns/user", (int)c->pid);
	autofree char *path = xasprintf("/proc/%d/root", (int)c->pid);
	autofd int user = open(space, O_RDONLY | O_CLOEXEC), root = -EBADF;

	if (user < 0)
		return err_sys(err, "open '%s'", space);
	TRY(userns_join(user, err));
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || syncfs(root) < 0)
		return err_sys(err, "sync the files of container %s", c->name);
	return 0;
}

int freeze_flush(const struct container *c, struct err *err)
{
	pid_t pid;
	int status = 0;

	if (!container_up(c) || strcmp(json_str(json_get(c->config, "driver"), ""), "fuse") != 0)
		return 0;
	pid = fork();
	if (pid < 0)
		return err_sys(err, "sync the files of container %s", c->name);
	if (pid == 0)
		_exit(flush_child(c, err) < 0 ? -err->code & 127 : 0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_set(err, -EIO, "cannot sync the files of container %s: %s", c->name,
		WIFEXITED(status) ? strerror(WEXITSTATUS(status)) : "killed");
}

void freeze_end(int *fd)
{
	char byte;

	if (*fd < 0)
		return;
	(void)shutdown(*fd, SHUT_WR);
	(void)!read(*fd, &byte, 1); /* ends with the guard */
	fd_drop(fd);
}
