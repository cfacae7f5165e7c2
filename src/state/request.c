/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What commands tell a running container's monitor: over its socket (src/process/attach.h), or by a note
 * in the run directory that it reads when the payload has ended. A note needs no answer, works while the
 * monitor hangs, and is written before the signal, so it is never too late.
 */
#include "state/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define STOP_NAME   "stop"
#define KEEP_TEXT   "keep\n"
#define PAUSED_NAME "paused"

int state_connect(const struct container *c, struct err *err)
{
	autofd int dir = open(c->run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (dir < 0 || sock < 0)
		return err_sys(err, "reach the monitor of container %s", c->name);
	/* by descriptor: the path may be longer than the 108 bytes of sun_path */
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/attach.sock", dir);
	if (connect(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, "reach the monitor of container %s", c->name);
	return move_fd(&sock);
}

int state_ask_stop(const struct globals *globals, struct container *c, bool keep, struct err *err)
{
	const char *text = keep ? KEEP_TEXT : "";
	autofd int dir = -EBADF;

	TRY(state_run_dir(c, globals, err));
	dir = open(c->run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open '%s'", c->run_path);
	return fs_write_at(dir, STOP_NAME, text, strlen(text), FS_NOSYNC, err);
}

enum stop_wish state_stop_asked(const struct container *c)
{
	autofd int dir = open(c->run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int fd = dir < 0 ? -EBADF
				: openat(dir, STOP_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	char text[sizeof(KEEP_TEXT)] = "";

	if (fd < 0)
		return STOP_NOT_ASKED;
	return read(fd, text, sizeof(text) - 1) > 0 && strcmp(text, KEEP_TEXT) == 0 ? STOP_KEEP
										    : STOP_WANTED;
}

int state_forget_stop(const struct container *c, struct err *err)
{
	autofd int dir = open(c->run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || (unlinkat(dir, STOP_NAME, 0) < 0 && errno != ENOENT) ||
		(unlinkat(dir, PAUSED_NAME, 0) < 0 && errno != ENOENT))
		return err_sys(err, "forget that container %s was to stop", c->name);
	return 0;
}

int state_set_paused(const struct globals *globals, struct container *c, bool on, struct err *err)
{
	autofd int dir = -EBADF;

	TRY(state_run_dir(c, globals, err));
	dir = open(c->run_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open '%s'", c->run_path);
	if (on)
		return fs_write_at(dir, PAUSED_NAME, "", 0, FS_NOSYNC, err);
	if (unlinkat(dir, PAUSED_NAME, 0) < 0 && errno != ENOENT)
		return err_sys(err, "note that container %s goes on", c->name);
	return 0;
}

bool request_is_paused(const struct container *c)
{
	autofree char *path = c->run_path ? xasprintf("%s/" PAUSED_NAME, c->run_path) : NULL;

	return path && access(path, F_OK) == 0;
}
