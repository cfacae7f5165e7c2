/* SPDX-License-Identifier: Apache-2.0 */
/* Starts sbx-image, which links what the hot path must not: curl, OpenSSL, libarchive. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "image/image.h"

static void add_option(struct strv *argv, const char *option, const char *value)
{
	if (!value)
		return;
	strv_add(argv, option);
	strv_add(argv, value);
}

static void plan(const struct globals *globals, char *const *args, struct strv *argv)
{
	strv_add(argv, "sbx-image");
	add_option(argv, "--root", globals->root);
	add_option(argv, "--runroot", globals->runroot);
	if (globals->settings) /* a file that is named must exist; the default one need not */
		add_option(argv, "--config", globals->config);
	if (globals->log_level == LOG_DEBUG)
		strv_add(argv, "--debug");
	for (size_t i = 0; args[i]; i++)
		strv_add(argv, args[i]);
}

int image_helper(const struct globals *globals, char *const *args, int stdout_fd, struct err *err)
{
	struct spawn_fd out = { .from = stdout_fd, .to = 1 };
	autostrv struct strv argv = STRV_INIT;
	struct spawn spawn = { .fds = &out, .n_fds = stdout_fd == 1 ? 0 : 1 };
	autofree char *path = NULL;

	TRY(spawn_find_helper("sbx-image", &path, err));
	plan(globals, args, &argv);
	spawn.path = path;
	spawn.argv = argv.v;
	return spawn_run(&spawn, err);
}

/* ---- compose ---- */

int image_compose_start(const struct globals *globals, int answer, int userns,
	struct image_composer *ret, struct err *err)
{
	char *args[] = { (char *)"compose", userns >= 0 ? (char *)"userns" : NULL, NULL };
	autofd int from = -EBADF, to = -EBADF;
	autostrv struct strv argv = STRV_INIT;
	autofree char *path = NULL;
	struct spawn_fd fds[3];
	struct spawn spawn = { .fds = fds, .n_fds = userns >= 0 ? 3 : 2, .death_signal = SIGKILL };
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	from = ends[0];
	to = ends[1];
	fds[0] = (struct spawn_fd){ .from = from, .to = STDIN_FILENO };
	fds[1] = (struct spawn_fd){ .from = answer, .to = STDOUT_FILENO };
	fds[2] = (struct spawn_fd){ .from = userns, .to = 3 };
	TRY(spawn_find_helper("sbx-image", &path, err));
	plan(globals, args, &argv);
	spawn.path = path;
	spawn.argv = argv.v;
	pid = spawn_start(&spawn, NULL, err);
	if (pid < 0)
		return pid;
	*ret = (struct image_composer){ .pid = pid, .to = move_fd(&to) };
	return 0;
}

/* One that is gone has said why: writing to it fails, and its status is what counts. */
static int tell(int to, const char *spec, size_t len, struct err *err)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int r;

	if (sigaction(SIGPIPE, &ignore, &before) < 0)
		return err_sys(err, "sigaction");
	r = fs_write_all(to, spec, len, err);
	(void)sigaction(SIGPIPE, &before, NULL); /* cannot fail for what it was */
	return r == -EPIPE ? 0 : r;
}

int image_compose_finish(
	struct image_composer *composer, const char *spec, size_t len, struct err *err)
{
	int r = tell(composer->to, spec, len, err);
	pid_t pid = composer->pid;

	if (r < 0) {
		image_compose_drop(composer);
		return r;
	}
	fd_drop(&composer->to);
	composer->pid = 0;
	return spawn_wait(pid, err);
}

void image_compose_drop(struct image_composer *composer)
{
	struct err ignored = ERR_INIT;

	fd_drop(&composer->to);
	if (composer->pid <= 0)
		return;
	(void)kill(composer->pid, SIGKILL); /* our child, not reaped yet; it has no work */
	(void)spawn_wait(composer->pid, &ignored);
	composer->pid = 0;
}
