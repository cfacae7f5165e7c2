/* SPDX-License-Identifier: Apache-2.0 */
#include "process/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "process/fuse.h"
#include "process/handshake.h"

struct verdict {
	int value;
	struct err err;
};

struct work {
	inside_fn fn;
	void *data;
	int userns; /* running, several */
	/* running */
	int mntns;
	/* stopped */
	const struct rootfs *rootfs;
	const struct idmap *map;
	int root;
	int outside, sock; /* the two ends to who starts the file system server */
	/* several */
	const struct rootfs *const *list;
	size_t n;
	inside_roots_fn roots_fn;
};

/* A function in a process of its own, which may change its root and namespaces. */
struct apart {
	pid_t pid;
	int listen;
};

static _Noreturn void child(int tell, inside_fn fn, void *data)
{
	struct verdict verdict = { 0 };

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(125);
	verdict.value = fn(data, &verdict.err);
	_exit(write(tell, &verdict, sizeof(verdict)) == sizeof(verdict) ? 0 : 125);
}

static int apart_start(inside_fn fn, void *data, struct apart *ret, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	ret->pid = fork();
	if (ret->pid == 0) {
		(void)close(ends[0]);
		child(ends[1], fn, data);
	}
	if (ret->pid < 0)
		(void)err_sys(err, "fork");
	(void)close(ends[1]);
	ret->listen = ends[0];
	if (ret->pid < 0)
		fd_drop(&ret->listen);
	return ret->pid < 0 ? err->code : 0;
}

static int apart_finish(struct apart *apart, struct err *err)
{
	struct verdict verdict = { 0 };
	struct err ignored;
	ssize_t n;

	do
		n = read(apart->listen, &verdict, sizeof(verdict));
	while (n < 0 && errno == EINTR);
	fd_drop(&apart->listen);
	(void)spawn_wait(apart->pid, &ignored); /* the verdict is what counts */
	if (n != sizeof(verdict))
		return err_set(err, -EPIPE, "the process inside the container was killed");
	if (verdict.value < 0)
		*err = verdict.err;
	return verdict.value;
}

static int run_apart(inside_fn fn, void *data, struct err *err)
{
	struct apart apart;

	TRY(apart_start(fn, data, &apart, err));
	return apart_finish(&apart, err);
}

/* Changing ids and namespaces resets it, so this comes last. */
static int hide(struct err *err)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? err_sys(err, "prctl") : 0;
}

/* ---- running ---- */

static int join(void *data, struct err *err)
{
	const struct work *work = data;

	if (work->userns >= 0)
		TRY(userns_join(work->userns, err));
	if (setns(work->mntns, CLONE_NEWNS) <
		0) /* root and working directory are the container's now */
		return err_sys(err, "join the container's mount namespace");
	TRY(hide(err));
	return work->fn(work->data, err);
}

static int open_ns(pid_t pid, const char *name, struct err *err)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open %s", path) : fd;
}

int inside_running(pid_t pid, int pidfd, inside_fn fn, void *data, struct err *err)
{
	autofd int userns = open_ns(pid, "user", err), mntns = -EBADF;
	struct work work = { .fn = fn, .data = data };

	TRY(userns);
	mntns = open_ns(pid, "mnt", err);
	TRY(mntns);
	if (pidfd >= 0 && sys_pidfd_send_signal(pidfd, 0) < 0)
		return err_set(err, -ESRCH, "the container is not running");
	work.userns = userns;
	work.mntns = mntns;
	return run_apart(join, &work, err);
}

/* ---- stopped ---- */

/*
 * caller          outside; starts the file system server, whose paths the mount would cover
 * └ in_userns     makes the user and mount namespace
 *   └ mounter     uid 0 in them: mounts, and keeps the mount while
 *     └ enter     fn works with the mount as "/"
 */

/* In the mounter: the device and the user namespace go out, the answer is that it serves. */
static int ask_for_server(void *data, int fuse_fd, struct err *err)
{
	const struct work *work = data;
	autofd int userns = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC), none = -EBADF;
	struct step_msg msg;
	int r;

	if (userns < 0)
		return err_sys(err, "open the user namespace");
	TRY(step_send(work->sock, STEP_FUSE, fuse_fd, NULL, err));
	TRY(step_send(work->sock, STEP_FUSE, userns, NULL, err));
	r = step_receive(work->sock, &msg, &none, err);
	TRY(r);
	if (r > 0 && msg.step == STEP_READY)
		return 0;
	if (r > 0 && msg.step == STEP_FAILED) {
		*err = msg.err;
		return err->code;
	}
	return err_set(err, -EPIPE, "nobody started the file system server");
}

static int enter(void *data, struct err *err)
{
	struct work *work = data;

	fd_drop(&work->sock);
	if (fchdir(work->root) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, "enter the container's root");
	TRY(hide(err));
	return work->fn(work->data, err);
}

static int mounter(void *data, struct err *err)
{
	struct work *work = data;
	const struct rootfs_child callbacks = { .fuse = ask_for_server, .data = work };
	int r;

	TRY(rootfs_apply(work->rootfs, &callbacks, &work->root, err));
	r = run_apart(enter, work, err);
	fd_drop(&work->root);
	if ((chdir("/") < 0 || umount2(work->rootfs->container, MNT_DETACH) < 0) && r >= 0)
		return err_sys(err, "unmount the container's root");
	return r;
}

static int in_userns(void *data, struct err *err)
{
	struct work *work = data;

	fd_drop(&work->outside);
	return userns_run(work->map, CLONE_NEWNS, mounter, work, err);
}

/* 0 also when the mounter never asks: the kernel's overlay, or it has failed and will say so. */
static int serve(struct work *work, struct fuse_server *ret, struct err *err)
{
	autofd int fuse_fd = -EBADF, userns = -EBADF;
	struct step_msg msg;
	int r = step_receive(work->outside, &msg, &fuse_fd, err);

	if (r <= 0)
		return r;
	r = step_receive(work->outside, &msg, &userns, err);
	if (r <= 0)
		return r;
	r = fuse_server_start(work->rootfs, fuse_fd, userns, ret, err);
	if (r < 0)
		return step_send(work->outside, STEP_FAILED, -1, err, &(struct err){ 0 });
	return step_send(work->outside, STEP_READY, -1, NULL, err);
}

static int run_stopped(struct work *work, struct fuse_server *server, struct err *err)
{
	struct apart apart;
	struct err why = ERR_INIT;
	int r;

	TRY(step_pair(&work->outside, &work->sock, err));
	r = apart_start(in_userns, work, &apart, err);
	fd_drop(&work->sock);
	if (r == 0 && work->rootfs->driver == DRIVER_FUSE)
		(void)serve(work, server, &why); /* the mounter fails then, and says why */
	fd_drop(&work->outside);
	if (r == 0)
		r = apart_finish(&apart, err);
	fuse_server_end(server); /* writes back */
	return r;
}

int inside_stopped(const struct rootfs *rootfs, const struct idmap *map, inside_fn fn, void *data,
	struct err *err)
{
	__attribute__((cleanup(fuse_server_done))) struct fuse_server server = FUSE_SERVER_INIT;
	struct work work = { .fn = fn,
		.data = data,
		.rootfs = rootfs,
		.map = map,
		.root = -EBADF,
		.outside = -EBADF,
		.sock = -EBADF };
	int r = run_stopped(&work, &server, err);

	fd_drop(&work.outside);
	fd_drop(&work.sock);
	return r;
}

/* ---- several ---- */

static int mount_all(void *data, struct err *err)
{
	struct work *work = data;
	const struct rootfs_child callbacks = { .fuse = ask_for_server, .data = work };
	int roots[INSIDE_ROOTS];

	for (size_t i = 0; i < work->n; i++)
		TRY(rootfs_apply(work->list[i], &callbacks, &roots[i], err));
	fd_drop(&work->sock);
	TRY(hide(err));
	return work->roots_fn(work->data, roots, err); /* the mounts end with this process */
}

static int all_in_userns(void *data, struct err *err)
{
	struct work *work = data;

	fd_drop(&work->outside);
	return userns_run_in(work->userns, CLONE_NEWNS, mount_all, work, err);
}

static int run_mounted(struct work *work, struct fuse_server *servers, struct err *err)
{
	struct apart apart;
	struct err why = ERR_INIT;
	int r;

	TRY(step_pair(&work->outside, &work->sock, err));
	r = apart_start(all_in_userns, work, &apart, err);
	fd_drop(&work->sock);
	for (size_t i = 0; r == 0 && i < work->n; i++) {
		work->rootfs = work->list[i];
		if (work->rootfs->driver == DRIVER_FUSE && serve(work, &servers[i], &why) < 0)
			break; /* the process that mounts fails then, and says why */
	}
	fd_drop(&work->outside);
	if (r == 0)
		r = apart_finish(&apart, err);
	for (size_t i = 0; i < work->n; i++)
		fuse_server_end(&servers[i]); /* writes back */
	return r;
}

int inside_mounted(const struct rootfs *const *list, size_t n, int userns, inside_roots_fn fn,
	void *data, struct err *err)
{
	struct fuse_server servers[INSIDE_ROOTS] = { FUSE_SERVER_INIT, FUSE_SERVER_INIT };
	struct work work = { .list = list,
		.n = n,
		.roots_fn = fn,
		.data = data,
		.userns = userns,
		.outside = -EBADF,
		.sock = -EBADF };
	int r = run_mounted(&work, servers, err);

	fd_drop(&work.outside);
	fd_drop(&work.sock);
	for (size_t i = 0; i < n; i++)
		fuse_server_done(&servers[i]);
	return r;
}
