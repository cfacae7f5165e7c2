/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work as root of a user namespace. A process that is going to lock itself in cannot start newuidmap
 * afterwards (no new privileges): it makes the namespace before, and joins it as often as it likes.
 * Which also costs two set-uid programs for each image instead of two for each layer.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "image/store_private.h"

int store_inside(struct store *store, struct err *err)
{
	autofree struct inside *inside = xcalloc(1, sizeof(*inside));

	if (store->inside)
		return 0;
	TRY(idmap_detect(&inside->map, err));
	inside->ns = userns_open(&inside->map, err);
	TRY(inside->ns);
	store->inside = move_ptr(&inside);
	return 0;
}

int store_inside_adopt(struct store *store, int userns, struct err *err)
{
	autofree struct inside *inside = xcalloc(1, sizeof(*inside));

	TRY(idmap_detect(&inside->map, err));
	inside->ns = userns;
	store->inside = move_ptr(&inside);
	return 0;
}

void inside_free(struct inside *inside)
{
	if (!inside)
		return;
	fd_drop(&inside->ns);
	free(inside);
}

struct verdict {
	int value;
	struct err err;
};

/* ns < 0: as the caller, in no other namespace. */
struct errand {
	int ns;
	userns_fn fn;
	void *data;
};

static _Noreturn void run(const struct errand *errand, int out, pid_t parent)
{
	struct verdict verdict = { 0 };

	if (errand->ns >= 0)
		verdict.value = userns_join(errand->ns, &verdict.err);
	/* Joining would have undone it. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail for a valid signal */
	if (getppid() != parent)
		_exit(1);
	if (verdict.value == 0)
		verdict.value = errand->fn(errand->data, &verdict.err);
	if (write(out, &verdict, sizeof(verdict)) != (ssize_t)sizeof(verdict))
		_exit(1);
	_exit(0);
}

static int run_apart(const struct errand *errand, struct err *err)
{
	autofd int in = -EBADF, out = -EBADF;
	struct verdict verdict;
	pid_t parent = getpid(), pid;
	int ends[2], status;
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "start a process");
	in = ends[0];
	out = ends[1];
	pid = fork();
	if (pid < 0)
		return err_sys(err, "start a process");
	if (pid == 0)
		run(errand, out, parent);
	fd_drop(&out);
	do {
		n = read(in, &verdict, sizeof(verdict)); /* less than PIPE_BUF: all or nothing */
	} while (n < 0 && errno == EINTR);
	status = spawn_wait(pid, err);
	TRY(status);
	if (n != (ssize_t)sizeof(verdict))
		return err_set(err, -EPIPE, "a process of sbx-image died (status %d)", status);
	if (verdict.value < 0)
		*err = verdict.err;
	return verdict.value;
}

int store_run_inside(const struct store *store, userns_fn fn, void *data, struct err *err)
{
	struct idmap map;

	if (store->inside) {
		const struct errand errand = { store->inside->ns, fn, data };

		return run_apart(&errand, err);
	}
	TRY(idmap_detect(&map, err));
	return userns_run(&map, 0, fn, data, err);
}

int image_run_apart(userns_fn fn, void *data, struct err *err)
{
	const struct errand errand = { -EBADF, fn, data };

	return run_apart(&errand, err);
}
