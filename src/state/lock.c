/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks are flock(2) on a container's directory: no lock file to clean, released by the kernel with
 * the last copy of the descriptor. Waiting is bounded, because a stopped holder (SIGSTOP) would
 * otherwise hang every later command; flock has no time-out, hence the small sleeps.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/fs.h"
#include "base/own.h"

#define LOCK_STEP_MS 2

int lock_try(int fd, struct err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return err_set(err, -EWOULDBLOCK, "another sbx command is working on it");
	return fs_lock_err(err, "the container's directory");
}

int lock_wait(int fd, int64_t timeout_ms, struct err *err)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_MS * 1000000L };

	for (int64_t waited = 0;; waited += LOCK_STEP_MS) {
		int r = lock_try(fd, err);

		if (r != -EWOULDBLOCK)
			return r;
		if (waited >= timeout_ms)
			return err_set(err, -ETIMEDOUT,
				"another sbx command has been working on it for %lld s",
				(long long)(timeout_ms / 1000));
		(void)nanosleep(&step, NULL); /* waking early only tries again early */
	}
}

int state_lock(const struct container *c, struct err *err)
{
	autofd int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open the directory of container %.12s", c->id);
	if (lock_wait(fd, 30000, err) < 0)
		return err_wrap(err, "container %.12s", c->id);
	return move_fd(&fd);
}
