/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-fuse: opens the layers, lets go of everything else, serves until the mount is gone.
 *
 * When the exit descriptor closes, the container is ending and its mounts with it: what the kernel
 * still has in its cache arrives in those moments, so serving goes on until the mount is gone, but
 * no longer than EXIT_GRACE.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "beside.h"
#include "confined.h"
#include "layer.h"
#include "options.h"
#include "overlay.h"
#include "session.h"
#include "squash.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/own.h"

#define EXIT_GRACE 10000 /* ms */

struct server {
	struct options options;
	struct ovl *fs;
	struct session *session;
	struct loop *loop;
	struct loop_source *exit_source, *grace;
	bool ended;
};

static int open_dir(const char *path, struct err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(err, "open layer '%s'", path) : fd;
}

static int open_lowers(char *list, bool dot_wh, struct ovl_config *config, struct err *err)
{
	const char *path;

	while ((path = options_next_layer(&list))) {
		int fd;

		if (config->n_lower == OVL_MAX_LOWER)
			return err_set(err, -EINVAL, "more than %d lower layers", OVL_MAX_LOWER);
		fd = open_dir(path, err);
		if (fd < 0)
			return fd;
		TRY(layer_new_dir(fd, &config->lower[config->n_lower], err));
		config->lower[config->n_lower]->dot_wh = dot_wh;
		if (beside_open(fd, false, &config->lower[config->n_lower++]->beside) < 0)
			return err_set(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int open_overlay(struct server *server, struct err *err)
{
	struct layer *lower[OVL_MAX_LOWER];
	struct ovl_config config = {
		.lower = lower,
		.upper = -1,
		.work = -1,
		.volatile_ = server->options.volatile_,
		.single_id = server->options.single_id,
		.xdev = server->options.xdev,
		.redirect = server->options.redirect,
		.redirect_write = server->options.redirect_write,
		.slow = session_slow,
		.slow_data = &server->session,
	};
	autofd int upper = -1, work = -1;
	int r = open_lowers(server->options.lower, server->options.mountpoint, &config, err);

	if (r == 0 && server->options.upper) {
		upper = config.upper = open_dir(server->options.upper, err);
		r = upper < 0 ? upper : 0;
	}
	if (r == 0 && server->options.work) {
		work = config.work = open_dir(server->options.work, err);
		r = work < 0 ? work : 0;
	}
	if (r == 0)
		r = ovl_open(&config, &server->fs, err);
	for (unsigned i = 0; r < 0 && i < config.n_lower; i++)
		layer_free(lower[i]);
	return r;
}

/* Our own mount(2): in a user namespace no set-user-id helper is needed. */
static int mount_here(struct server *server, struct err *err)
{
	const struct options *options = &server->options;
	unsigned long flags = options->mount_flags | (options->upper ? 0 : MS_RDONLY);
	autofd int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char text[128];

	if (fd < 0)
		return err_sys(err, "open /dev/fuse");
	(void)snprintf(text, sizeof(text),
		"fd=%d,rootmode=40000,user_id=%u,group_id=%u,default_permissions,allow_other", fd,
		geteuid(), getegid());
	if (mount("sbx-fuse", options->mountpoint, "fuse.sbx-fuse", flags, text) < 0)
		return err_sys(err, "mount on '%s'", options->mountpoint);
	return move_fd(&fd);
}

static int stay_behind(struct err *err)
{
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(err, "fork");
	if (pid > 0)
		_exit(0); /* mounted: the caller may go on; requests wait for the child */
	if (setsid() < 0 || chdir("/") < 0)
		return err_sys(err, "leave the session");
	for (int i = 0; i < 3 && null >= 0; i++)
		(void)dup2(null, i); /* keeps the caller's terminal only */
	return 0;
}

static int on_ended(void *data, int fd, uint32_t events, struct err *err)
{
	struct server *server = data;

	server->ended = true;
	loop_quit(server->loop, 0);
	return 0;
}

static int on_grace(void *data, struct err *err)
{
	struct server *server = data;

	log_msg(LOG_WARN, "the mount is still in use; leaving it");
	loop_quit(server->loop, 0);
	return 0;
}

static int on_exit_fd(void *data, int fd, uint32_t events, struct err *err)
{
	struct server *server = data;
	char byte;

	if (!(events & EPOLLHUP) && read(fd, &byte, 1) > 0)
		return 0; /* only its end counts */
	loop_del(server->exit_source);
	server->exit_source = NULL;
	return loop_set_timer(server->grace, EXIT_GRACE, 0, err);
}

static int on_signal(void *data, int signo, struct err *err)
{
	struct server *server = data;

	if (server->options.mountpoint && umount2(server->options.mountpoint, MNT_DETACH) < 0)
		log_msg(LOG_WARN, "unmount '%s': %s", server->options.mountpoint, strerror(errno));
	return loop_set_timer(server->grace, EXIT_GRACE, 0, err);
}

static int serve(struct server *server, struct err *err)
{
	struct loop_source *source;
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	TRY(loop_new(&server->loop, err));
	TRY(loop_add_signals(server->loop, &signals, on_signal, server, &source, err));
	TRY(loop_add_timer(server->loop, 0, 0, on_grace, server, &server->grace, err));
	TRY(loop_add_fd(server->loop, session_ended_fd(server->session), EPOLLIN, on_ended, server,
		&source, err));
	if (server->options.exit_fd >= 0)
		TRY(loop_add_fd(server->loop, server->options.exit_fd, EPOLLIN | EPOLLHUP,
			on_exit_fd, server, &server->exit_source, err));
	TRY(session_start(server->session, err));
	if (server->options.ready_fd >= 0) {
		if (write(server->options.ready_fd, "1", 1) != 1)
			return err_sys(err, "tell that the file system is ready");
		(void)close(server->options.ready_fd); /* said */
	}
	return loop_run(server->loop, err);
}

/* Does the namespace hold one single id? /proc/self/uid_map is then one line that ends in 1. */
static bool has_single_id(void)
{
	unsigned inside, outside, count;
	struct err err = ERR_INIT;
	autofree char *text = NULL;
	size_t len;

	if (fs_read_at(AT_FDCWD, "/proc/self/uid_map", 4096, &text, &len, &err) < 0)
		return false;
	return sscanf(text, "%u %u %u", &inside, &outside, &count) == 3 && count == 1 &&
	       strchr(text, '\n') == text + len - 1;
}

static int run(struct server *server, struct err *err)
{
	struct session_config config = {
		.threads = server->options.threads,
		.eager = server->options.eager,
		.writeback = server->options.writeback,
		.debug = server->options.debug,
	};
	int fd;

	(void)umask(0);
	if (server->options.exit_fd >= 0) /* stopped, it could not see that it should end */
		(void)prctl(PR_SET_PDEATHSIG, SIGCONT); /* cannot fail for a valid signal */
	server->options.single_id |= has_single_id();
	TRY(open_overlay(server, err));
	fd = server->options.fd >= 0 ? server->options.fd : mount_here(server, err);
	if (fd < 0)
		return fd;
	if (server->options.mountpoint && !server->options.foreground)
		TRY(stay_behind(err));
	ovl_reserve_handles(server->fs);
	TRY(session_new(server->fs, fd, &config, &server->session, err));
	TRY(confined_enter(err)); /* before the first request is read */
	return serve(server, err);
}

static int run_squash(const struct options *options, struct err *err)
{
	const struct squash_config config = { .dir = options->squash,
		.fd = options->fd,
		.exit_fd = options->exit_fd,
		.ready_fd = options->ready_fd,
		.uid = (uid_t)options->uid,
		.gid = (gid_t)options->gid,
		.threads = options->threads };

	(void)umask(0);
	(void)prctl(PR_SET_PDEATHSIG, SIGCONT); /* cannot fail for a valid signal */
	return squash_run(&config, err);
}

#ifdef __SANITIZE_ADDRESS__
/* Not to be looked at from outside, sbx-fuse cannot be stopped by the leak checker either, which then
 * waits for ever at the end or gives up (sanitizer/lsan_interface.h). */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

int main(int argc, char **argv)
{
	struct server server = { 0 };
	struct err err = ERR_INIT;
	int r = options_parse(argc, argv, &server.options, &err);

	log_init("sbx-fuse", LOG_WARN);
	if (r == 0 && server.options.help)
		return fputs(options_help, stdout) < 0;
	if (r == 0 && server.options.version)
		return printf("sbx-fuse %s\n", SBX_VERSION) < 0;
	if (r == 0)
		r = server.options.squash ? run_squash(&server.options, &err) : run(&server, &err);
	if (r < 0)
		log_err(&err);
	if (server.ended) { /* else threads may still be in a request: leave all to the exit */
		session_free(server.session);
		loop_free(server.loop);
		ovl_close(server.fs);
	}
	options_done(&server.options);
	return r < 0 ? 1 : 0;
}
