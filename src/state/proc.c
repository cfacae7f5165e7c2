/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes by pid *and* start time. A pid alone names another process sooner or later; the pair
 * (pid, start time since boot) does not repeat within a boot, and the boot id guards the rest.
 *
 * Signals go through a pidfd that was opened before the start time was compared: whatever happens
 * afterwards, the descriptor still means the process that was compared. A zombie counts as ended.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"

/* The text after "(comm) " begins with the state letter; start time is the 20th field from there. */
static uint64_t parse_start(const char *stat)
{
	const char *p = strrchr(stat, ')');

	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return 0;
	p += 2;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (!p)
			return 0;
		p++;
	}
	return strtoull(p, NULL, 10);
}

uint64_t state_pid_start(pid_t pid)
{
	char path[40], text[1024];
	autofd int fd = -EBADF;
	ssize_t n;

	if (pid <= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return parse_start(text);
}

enum look {
	LOOK_SAME,
	LOOK_ENDED, /* or the number is another process's now */
	LOOK_FAILED /* no descriptor or no memory to look with: errno */
};

static enum look look_at(pid_t pid, uint64_t start)
{
	uint64_t now;

	errno = 0;
	now = state_pid_start(pid);
	if (now == start)
		return LOOK_SAME;
	if (now == 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return LOOK_FAILED;
	return LOOK_ENDED;
}

bool state_pid_ended(pid_t pid, uint64_t start)
{
	return look_at(pid, start) == LOOK_ENDED;
}

int state_pidfd(pid_t pid, uint64_t start, struct err *err)
{
	autofd int fd = -EBADF;

	if (pid <= 0 || start == 0)
		return err_set(err, -ESRCH, "the process has ended");
	fd = sys_pidfd_open(pid);
	if (fd < 0)
		return err_sys(err, "open process %d", (int)pid);
	switch (look_at(pid, start)) { /* once: it may end at any moment */
	case LOOK_SAME:
		return move_fd(&fd);
	case LOOK_FAILED:
		return err_sys(err, "look at process %d", (int)pid);
	case LOOK_ENDED:
		break;
	}
	return err_set(err, -ESRCH, "process %d has ended", (int)pid);
}

/* Before Linux 5.3 there is no pidfd: compare, then kill. The gap is as small as it can be. */
static int signal_by_pid(pid_t pid, uint64_t start, int signo, struct err *err)
{
	if (state_pid_start(pid) != start)
		return err_set(err, -ESRCH, "process %d has ended", (int)pid);
	if (kill(pid, signo) < 0)
		return err_sys(err, "signal process %d", (int)pid);
	return 0;
}

int state_signal(pid_t pid, uint64_t start, int signo, struct err *err)
{
	struct err why = ERR_INIT;
	autofd int fd = state_pidfd(pid, start, &why);

	if (fd == -ENOSYS)
		return signal_by_pid(pid, start, signo, err);
	if (fd < 0) {
		*err = why;
		return fd;
	}
	if (sys_pidfd_send_signal(fd, signo) == 0)
		return 0;
	if (errno == ENOSYS)
		return signal_by_pid(pid, start, signo, err);
	return err_sys(err, "signal process %d", (int)pid);
}

static int64_t monotonic_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail with this clock */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* How long to sleep now: the rest of the time, at most `most` ms; -1 when there is no end. */
static int wait_slice(int64_t end, int most)
{
	int64_t left = end - monotonic_ms();

	if (end < 0)
		return most;
	if (left <= 0)
		return 0;
	return most >= 0 && left > most ? most : (int)(left > INT32_MAX ? INT32_MAX : left);
}

int state_wait_gone(pid_t pid, uint64_t start, int64_t timeout_ms, struct err *err)
{
	int64_t end = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
	struct err ignored = ERR_INIT;
	autofd int fd = state_pidfd(pid, start, &ignored);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0 && fd != -ENOSYS)
		return fd == -ESRCH ? 0 : err_set(err, fd, "%s", ignored.text);
	for (;;) {
		int slice = wait_slice(end, fd >= 0 ? -1 : 10);
		int n = poll(&p, fd >= 0 ? 1 : 0, slice);

		if (n > 0 || state_pid_ended(pid, start))
			return 0;
		if (n < 0 && errno != EINTR)
			return err_sys(err, "wait for process %d", (int)pid);
		if (end >= 0 && monotonic_ms() >= end)
			return err_set(err, -ETIMEDOUT, "process %d has not ended", (int)pid);
	}
}
