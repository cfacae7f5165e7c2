/* SPDX-License-Identifier: Apache-2.0 */
/* See parent.h and, for the protocol, handshake.h. */
#include "process/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "base/xalloc.h"
#include "process/cgroup.h"
#include "process/clone.h"
#include "process/handshake.h"

static void reap(pid_t pid)
{
	struct err ignored;

	(void)kill(pid, SIGKILL);        /* ESRCH: it was faster */
	(void)spawn_wait(pid, &ignored); /* ours, so the pid cannot be somebody else's */
}

void process_done(struct process *process)
{
	if (process->pid > 0)
		reap(process->pid);
	if (process->cgroup)
		cgroup_leave(process->cgroup);
	free(process->cgroup);
	process->cgroup = NULL;
	watch_end(&process->watcher);
	fuse_server_done(&process->fuse);
	for (size_t i = 0; i < process->n_squash; i++)
		fuse_server_done(&process->squash[i]);
	free(process->squash);
	process->squash = NULL;
	process->n_squash = 0;
	fd_drop(&process->pidfd);
	fd_drop(&process->in);
	fd_drop(&process->out);
	fd_drop(&process->err);
	process->pid = 0;
}

struct fuse_server *process_server(struct process *process, int pidfd)
{
	for (size_t i = 0; pidfd >= 0 && i < process->n_squash; i++)
		if (process->squash[i].pidfd == pidfd)
			return &process->squash[i];
	return &process->fuse;
}

void process_end_servers(struct process *process)
{
	for (size_t i = 0; i < process->n_squash; i++)
		fuse_server_end(&process->squash[i]);
	fuse_server_end(&process->fuse);
}

/* Everything that exists only while starting. */
struct start {
	const struct process_spec *spec;
	struct process *process;
	int sock;
	struct child_fds theirs;
	int userns, netns;
	struct network_gear gear;
};

static void start_done(struct start *start)
{
	fd_drop(&start->sock);
	fd_drop(&start->theirs.sock);
	fd_drop(&start->theirs.in);
	fd_drop(&start->theirs.out);
	fd_drop(&start->theirs.err);
	fd_drop(&start->userns);
	fd_drop(&start->netns);
	network_gear_done(&start->gear);
}

static int make_pipe(int *ret_read, int *ret_write, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "pipe");
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int make_stdio(struct start *start, struct err *err)
{
	struct process *process = start->process;

	if (start->spec->tty)
		return 0; /* the child makes a pty in its own devpts */
	TRY(make_pipe(&process->out, &start->theirs.out, err));
	TRY(make_pipe(&process->err, &start->theirs.err, err));
	if (start->spec->open_stdin)
		return make_pipe(&start->theirs.in, &process->in, err);
	start->theirs.in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return start->theirs.in < 0 ? err_sys(err, "open /dev/null") : 0;
}

/* A descriptor of our own of the namespace, the container's or the one it shares. */
static int open_ns(const struct start *start, const char *name, int shared, struct err *err)
{
	char path[64];
	int fd;

	if (shared >= 0) {
		fd = fcntl(shared, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? err_sys(err, "dup") : fd;
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)start->process->pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open %s", path) : fd;
}

static int clone_child(struct start *start, struct err *err)
{
	const struct network *net = start->spec->network;
	bool shared = net->kind == NETWORK_CONTAINER;
	int pid = clone_init(start->spec, &start->theirs, start->sock, &start->process->pidfd, err);

	TRY(pid);
	start->process->pid = pid;
	fd_drop(&start->theirs.sock);
	fd_drop(&start->theirs.in);
	fd_drop(&start->theirs.out);
	fd_drop(&start->theirs.err);
	start->userns = open_ns(start, "user", shared ? net->userns : -EBADF, err);
	return start->userns < 0 ? start->userns : 0;
}

/* The child can still be looked at: it makes itself undumpable when its ids are mapped. */
static int serve_unshared(struct start *start, struct err *err)
{
	const struct network *net = start->spec->network;
	bool shared = net->kind == NETWORK_CONTAINER;

	fd_drop(&start->netns);
	start->netns = open_ns(start, "net", shared ? net->netns : -EBADF, err);
	return start->netns < 0 ? start->netns : 0;
}

static int serve_network(
	struct start *start, const struct step_msg *msg, int adopt_fd, struct err *err)
{
	int *slot = &start->gear.tap;

	if (msg->step == STEP_FAST && msg->which >= 0 && msg->which < NETWORK_FAST)
		slot = &start->gear.fast[msg->which];
	fd_drop(slot);
	*slot = adopt_fd;
	if (msg->step == STEP_FAST)
		return 0;
	start->gear.replies = (unsigned)msg->which;
	return network_attach(start->spec->network, &start->gear, start->userns, start->netns, err);
}

/* The owners on disk are those of the plain map, whatever the container's own is. */
static int serve_root(struct start *start, int fuse_fd, struct err *err)
{
	autofd int stored = -EBADF;

	if (start->spec->stored) {
		stored = userns_open(start->spec->stored, err);
		TRY(stored);
	}
	return fuse_server_start(start->spec->rootfs, fuse_fd, stored >= 0 ? stored : start->userns,
		&start->process->fuse, err);
}

static int serve_squash(struct start *start, int which, int fuse_fd, struct err *err)
{
	struct process *process = start->process;
	const struct rootfs *rootfs = start->spec->rootfs;
	struct fuse_server server = FUSE_SERVER_INIT;

	if (which < 0 || (size_t)which >= rootfs->n_ops || !rootfs->ops[which].squash)
		return err_set(err, -EPROTO, "the container's init asked for a wrong mount");
	TRY(fuse_squash_start(rootfs, &rootfs->ops[which], fuse_fd, &server, err));
	process->squash = xreallocarray(
		process->squash, process->n_squash + 1, sizeof(*process->squash));
	process->squash[process->n_squash++] = server;
	return 0;
}

/* From here on the child waits for the watcher with every call that it hears of, execve first. */
static int serve_listener(
	struct start *start, int adopt_listener, const struct identity *who, struct err *err)
{
	const struct process_spec *spec = start->spec;
	struct watcher *watcher = &start->process->watcher;
	autofd int listener = adopt_listener;

	if (listener < 0 || start->process->watcher.pid)
		return err_set(err, -EPROTO, "the container's init sent no listener");
	if (spec->policy->watch == POLICY_WATCH_IDENTITY)
		return watch_identity(move_fd(&listener), who, watcher, err);
	return watch_start(move_fd(&listener), spec->report, spec->policy->watch, watcher, err);
}

/* One message of the child's; 1 = it is ready to execute. Takes fd over. */
static int serve(struct start *start, const struct step_msg *msg, int adopt_fd, struct err *err)
{
	autofd int fd = adopt_fd;

	switch (msg->step) {
	case STEP_UNSHARED:
		return serve_unshared(start, err);
	case STEP_FAST:
	case STEP_TAP:
		return serve_network(start, msg, move_fd(&fd), err);
	case STEP_FUSE:
		return serve_root(start, fd, err);
	case STEP_SQUASH:
		return serve_squash(start, msg->which, fd, err);
	case STEP_TTY:
		start->process->out = move_fd(&fd);
		start->process->in = fcntl(start->process->out, F_DUPFD_CLOEXEC, 3);
		return start->process->in < 0 ? err_sys(err, "dup the pty") : 0;
	case STEP_NOTICE:
		log_msg(LOG_WARN, "%s", msg->err.text);
		return 0;
	case STEP_LISTENER:
		return serve_listener(start, move_fd(&fd), &msg->who, err);
	case STEP_READY:
		return 1;
	case STEP_FAILED:
		*err = msg->err;
		return err->code;
	case STEP_IDS_MAPPED:
	case STEP_EXEC:
		break;
	}
	return err_set(err, -EPROTO, "the container's init sent step %d", (int)msg->step);
}

/* One step of the child's; 1 = it is ready to execute. */
static int serve_next(struct start *start, struct err *err)
{
	struct step_msg msg;
	int fd, r = step_receive(start->sock, &msg, &fd, err);

	if (r == 0)
		return err_set(err, -EPIPE, "the container's init died before it was ready");
	return r < 0 ? r : serve(start, &msg, fd, err);
}

static int until_ready(struct start *start, struct err *err)
{
	int r;

	do {
		r = serve_next(start, err);
	} while (r == 0);
	return r;
}

/* End of file means execve has closed the child's end. */
static int until_executed(struct start *start, struct err *err)
{
	struct step_msg msg;
	int fd, r;

	TRY(step_send(start->sock, STEP_EXEC, -1, NULL, err));
	do {
		r = step_receive(start->sock, &msg, &fd, err);
		if (r <= 0)
			return r;
		r = serve(start, &msg, fd, err);
	} while (r == 0 && msg.step == STEP_LISTENER);
	return r < 0 ? r
		     : err_set(err, -EPROTO, "the container's init sent step %d", (int)msg.step);
}

/* The two set-uid map writers take longer than everything else here: work beside them. */
static int join_while_mapping(
	struct start *start, const struct process_events *events, struct err *err)
{
	const struct process_spec *spec = start->spec;
	struct idmap_job job = { 0 };
	struct err second;
	int r = 0;

	if (spec->network->kind != NETWORK_CONTAINER) /* its maps are the other container's */
		r = idmap_start(start->process->pid, spec->idmap, &job, err);
	if (r == 0)
		r = network_join(spec->network, spec->id, spec->name, err);
	if (r == 0)
		r = events->joined(events->data, err);
	if (r < 0) {
		(void)idmap_finish(&job, &second); /* reaps; the first error is the one to tell */
		return r;
	}
	return idmap_finish(&job, err);
}

static int send_mapped(struct start *start, struct err *err)
{
	const struct network *net = start->spec->network;
	struct step_msg msg = { .step = STEP_IDS_MAPPED,
		.lease = { .address = net->address,
			.gateway = net->gateway,
			.address6 = net->address6,
			.gateway6 = net->gateway6,
			.host = net->host,
			.prefix = net->prefix,
			.mtu = net->mtu } };

	memcpy(msg.lease.mac, net->mac, sizeof(msg.lease.mac));
	return step_send_msg(start->sock, &msg, -1, err);
}

/* The child waits meanwhile; whatever it forks later is under the limits too. */
static int limit(struct start *start, const struct process_events *events, struct err *err)
{
	struct process *process = start->process;
	const struct limits *limits = start->spec->limits;

	if (!limits)
		return 0;
	TRY(cgroup_enter(limits, start->spec->id, process->pid, &process->cgroup, err));
	if (process->cgroup && events->limited)
		events->limited(events->data, process->cgroup);
	return 0;
}

/* Before the payload runs, so that it finds all of its networks. */
static int plug_more(
	const struct start *start, const struct process_events *events, struct err *err)
{
	const struct process_spec *spec = start->spec;

	if (!spec->networks || spec->network->kind != NETWORK_BRIDGE)
		return 0;
	TRY(network_set_keep(spec->networks, start->userns, start->netns, err));
	for (size_t i = 0; i < spec->networks->n; i++) {
		spec->networks->list[i]->index = (unsigned)i + 1;
		TRY(network_plug(spec->networks->list[i], start->userns, start->netns, spec->id,
			spec->name, err));
	}
	return spec->networks->n ? events->joined(events->data, err) : 0;
}

int process_start(const struct process_spec *spec, const struct process_events *events,
	struct process *ret, struct err *err)
{
	autoprocess struct process process = PROCESS_INIT;
	__attribute__((cleanup(start_done))) struct start start = { .spec = spec,
		.process = &process,
		.sock = -EBADF,
		.userns = -EBADF,
		.netns = -EBADF,
		.gear = NETWORK_GEAR_INIT,
		.theirs = { -EBADF, -EBADF, -EBADF, -EBADF } };

	TRY(make_stdio(&start, err));
	TRY(step_pair(&start.sock, &start.theirs.sock, err));
	TRY(network_begin(spec->network, spec->id, spec->name, err));
	TRY(clone_child(&start, err));
	TRY(limit(&start, events, err));
	TRY(join_while_mapping(&start, events, err));
	TRY(serve_next(&start, err)); /* STEP_UNSHARED, or why not */
	TRY(send_mapped(&start, err));
	TRY(until_ready(&start, err));
	TRY(plug_more(&start, events, err));
	TRY(until_executed(&start, err));
	*ret = process;
	process = (struct process)PROCESS_INIT;
	return 0;
}
