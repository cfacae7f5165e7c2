/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hook reads the container's state on its stdin and finds config.json in the bundle that it names.
 * Of that file only root.path is written: it is what hooks of drivers ask for.
 */
#include "process/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/json.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "base/xalloc.h"

#define OCI_VERSION "1.1.0"

static int write_bundle(const char *bundle, int root, struct err *err)
{
	autojson struct json *config = json_new_map();
	autobuf struct buf text = BUF_INIT;
	struct json *where = json_new_map();
	char link[64], path[PATH_MAX];
	autofd int dir = -EBADF;
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", root);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(err, "find the container's root");
	path[n] = '\0';
	json_put_string(config, "ociVersion", OCI_VERSION);
	json_put_string(where, "path", path);
	json_put(config, "root", where);
	json_write(config, 0, &text);
	dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fs_err(err, AT_FDCWD, bundle);
	return fs_write_at(dir, "config.json", text.data, text.len, FS_NOSYNC, err);
}

/* A pipe that holds it all: it is shorter than a page, so writing never waits. */
static int state_pipe(const struct process_spec *spec, struct err *err)
{
	autojson struct json *state = json_new_map();
	autobuf struct buf text = BUF_INIT;
	int ends[2];

	json_put_string(state, "ociVersion", OCI_VERSION);
	json_put_string(state, "id", spec->id);
	json_put_string(state, "status", "creating");
	json_put_string(state, "bundle", spec->run_dir);
	json_write(state, 0, &text);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	if (write(ends[1], text.data, text.len) != (ssize_t)text.len) {
		int r = err_sys(err, "write the state for hooks");

		(void)close(ends[0]);
		(void)close(ends[1]);
		return r;
	}
	(void)close(ends[1]);
	return ends[0];
}

static int wait_for(const struct cdi_hook *hook, pid_t pid, int pidfd, struct err *err)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	int r, status,
		ms = hook->timeout <= 0 || hook->timeout > INT_MAX / 1000
			     ? -1
			     : (int)hook->timeout * 1000;

	do
		r = poll(&ended, 1, ms);
	while (r < 0 && errno == EINTR);
	if (r == 0)
		(void)sys_pidfd_send_signal(pidfd, SIGKILL);
	status = spawn_wait(pid, err);
	if (r == 0)
		return err_set(err, -ETIMEDOUT, "hook %s has not ended in %lld s", hook->path,
			(long long)hook->timeout);
	if (status > 0)
		return err_set(err, -EIO, "hook %s failed with status %d", hook->path, status);
	return status;
}

static int run_hook(const struct process_spec *spec, const struct cdi_hook *hook, struct err *err)
{
	autofd int state = state_pipe(spec, err), pidfd = -EBADF;
	const struct spawn_fd in = { .from = state, .to = STDIN_FILENO };
	char *nothing[] = { NULL };
	const struct spawn spawn = { .path = hook->path,
		.argv = hook->argv.v,
		.envp = hook->env.n ? hook->env.v : nothing,
		.fds = &in,
		.n_fds = 1,
		.new_session = true,
		.death_signal = SIGKILL };
	pid_t pid;

	if (state < 0)
		return state;
	pid = spawn_start(&spawn, &pidfd, err);
	if (pid < 0) {
		(void)err_wrap(err, "hook %s", hook->path);
		return (int)pid;
	}
	return wait_for(hook, pid, pidfd, err);
}

int hooks_run(const struct process_spec *spec, int root, struct err *err)
{
	if (!spec->cdi || !spec->cdi->n_hooks)
		return 0;
	TRY(write_bundle(spec->run_dir, root, err));
	for (size_t i = 0; i < spec->cdi->n_hooks; i++)
		TRY(run_hook(spec, &spec->cdi->hooks[i], err));
	return 0;
}
