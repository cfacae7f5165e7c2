/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's monitor: one per running container, single-threaded, ends with it. Moves bytes between
 * the payload and its log and clients, passes signals, notices deaths. Everything here is bounded: one
 * frame per client, one chunk of stdin.
 */
#include "process/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/sys.h"
#include "process/client_list.h"
#include "process/health.h"
#include "process/net_watch.h"

#define CHUNK     (ATTACH_MAX - 1)
#define LINGER_MS 10000 /* for output that nobody takes, after the end */

struct output {
	struct monitor *monitor;
	struct loop_source *source;
	int fd; /* borrowed from process; -EBADF once at its end */
	int stream;
};

struct monitor {
	const struct monitor_job *job;
	struct process process;
	struct loop *loop;
	struct client_list clients;
	struct output outputs[2];
	struct loop_source *in_source;
	struct net_watch net_watch;
	struct net_watch *more_watches; /* one for each of job->networks, in its order */
	size_t n_more_watches;
	struct health health;
	struct client *in_client; /* paused until `in` is written */
	char in[CHUNK];
	size_t in_len;
	bool in_eof;      /* close stdin once `in` is written */
	bool reading;     /* outputs are being listened to */
	bool ended, told; /* it has ended; events->ended() was called */
	int status;
};

/* ---- output: container → log and clients ---- */

static int finish_if_done(struct monitor *monitor)
{
	if (monitor->ended && monitor->outputs[0].fd < 0 && monitor->outputs[1].fd < 0 &&
		!client_blocked(&monitor->clients))
		loop_quit(monitor->loop, 0);
	return 0;
}

static int close_output(struct output *output)
{
	loop_del(output->source);
	output->source = NULL;
	output->fd = -EBADF;
	return finish_if_done(output->monitor);
}

static int on_output(void *data, int fd, uint32_t events, struct err *err);

static int set_reading(struct monitor *monitor, bool on, struct err *err)
{
	monitor->reading = on;
	for (int i = 0; i < 2; i++) {
		struct output *output = &monitor->outputs[i];

		if (output->fd < 0 || on == (output->source != NULL))
			continue;
		if (on) {
			TRY(loop_add_fd(monitor->loop, output->fd, EPOLLIN, on_output, output,
				&output->source, err));
		} else {
			loop_del(output->source);
			output->source = NULL;
		}
	}
	return 0;
}

static int on_output(void *data, int fd, uint32_t events, struct err *err)
{
	struct output *output = data;
	struct monitor *monitor = output->monitor;
	char chunk[CHUNK];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) /* EIO: the last user of the pty is gone */
		return close_output(output);
	TRY(monitor->job->events->output(
		monitor->job->events->data, output->stream, chunk, (size_t)n, err));
	TRY(client_broadcast(&monitor->clients, output->stream == 1 ? ATTACH_STDOUT : ATTACH_STDERR,
		chunk, (size_t)n, err));
	return client_blocked(&monitor->clients) && monitor->reading
		       ? set_reading(monitor, false, err)
		       : 0;
}

/* ---- input: clients → container ---- */

static void close_stdin(struct monitor *monitor)
{
	loop_del(monitor->in_source);
	monitor->in_source = NULL;
	fd_drop(&monitor->process.in);
	monitor->in_len = 0;
}

static int on_stdin_writable(void *data, int fd, uint32_t events, struct err *err);

static int flush_stdin(struct monitor *monitor, struct err *err)
{
	int fd = monitor->process.in;

	while (monitor->in_len > 0 && fd >= 0) {
		ssize_t n = write(fd, monitor->in, monitor->in_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return monitor->in_source
				       ? 0
				       : loop_add_fd(monitor->loop, fd, EPOLLOUT, on_stdin_writable,
						 monitor, &monitor->in_source, err);
		if (n < 0) { /* EPIPE: it reads no more */
			close_stdin(monitor);
			break;
		}
		monitor->in_len -= (size_t)n;
		memmove(monitor->in, monitor->in + n, monitor->in_len);
	}
	loop_del(monitor->in_source);
	monitor->in_source = NULL;
	if (monitor->in_eof && !monitor->job->tty)
		close_stdin(monitor);
	if (monitor->in_client) {
		struct client *client = monitor->in_client;

		monitor->in_client = NULL;
		return client_pause(client, false, err);
	}
	return 0;
}

static int on_stdin_writable(void *data, int fd, uint32_t events, struct err *err)
{
	return flush_stdin(data, err);
}

static int take_stdin(struct monitor *monitor, struct client *from, const void *bytes, size_t len,
	struct err *err)
{
	if (monitor->process.in < 0 || !monitor->job->open_stdin || len == 0)
		return 0;
	if (len > sizeof(monitor->in) - monitor->in_len)
		return 0; /* only a client that ignores the pause can get here */
	memcpy(monitor->in + monitor->in_len, bytes, len);
	monitor->in_len += len;
	TRY(flush_stdin(monitor, err));
	if (monitor->in_len == 0 || monitor->in_client)
		return 0;
	monitor->in_client = from;
	return client_pause(from, true, err);
}

static int serve_request(struct monitor *monitor, struct client *from, const char *text, size_t len,
	struct err *err);

static int on_message(void *data, struct client *from, enum attach_type type, const void *payload,
	size_t len, struct err *err)
{
	struct monitor *monitor = data;
	int signo;

	if (type == ATTACH_STDIN)
		return take_stdin(monitor, from, payload, len, err);
	if (type == ATTACH_EOF) {
		monitor->in_eof = monitor->job->stdin_once;
		return flush_stdin(monitor, err);
	}
	if (type == ATTACH_REQUEST)
		return serve_request(monitor, from, payload, len, err);
	if (type == ATTACH_RESIZE && monitor->job->tty && len == sizeof(struct winsize))
		(void)ioctl(monitor->process.out, TIOCSWINSZ,
			payload); /* gone with the pty: no matter */
	if (type == ATTACH_SIGNAL && len == sizeof(signo) && monitor->process.pid > 0) {
		memcpy(&signo, payload, sizeof(signo));
		(void)kill(
			monitor->process.pid, signo); /* our child, not reaped yet: it is the one */
	}
	return 0;
}

static int on_gone(void *data, bool launcher, struct err *err)
{
	struct monitor *monitor = data;

	monitor->in_client =
		NULL; /* a paused client hangs up unheard; its bytes are still written */
	if (launcher && monitor->job->launcher_in && monitor->job->stdin_once) {
		monitor->in_eof = true;
		return flush_stdin(monitor, err);
	}
	return 0;
}

static int on_unblocked(void *data, struct err *err)
{
	struct monitor *monitor = data;

	TRY(set_reading(monitor, true, err));
	return finish_if_done(monitor);
}

static int on_attach(void *data, int fd, uint32_t events, struct err *err)
{
	struct monitor *monitor = data;
	autofd int sock = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (sock < 0)
		return 0; /* it has hung up already */
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != geteuid())
		return 0; /* S02: the directory is 0700, this is the second wall */
	return client_add(&monitor->clients, move_fd(&sock), false, err);
}

/* ---- deaths ---- */

static void unwatch_networks(struct monitor *monitor)
{
	net_watch_stop(&monitor->net_watch);
	for (size_t i = 0; i < monitor->n_more_watches; i++)
		net_watch_stop(&monitor->more_watches[i]);
	free(monitor->more_watches);
	monitor->more_watches = NULL;
	monitor->n_more_watches = 0;
}

static void leave_network(struct monitor *monitor)
{
	unwatch_networks(monitor);
	if (monitor->job->network) {
		network_leave(monitor->job->network);
		network_done(monitor->job->network);
	}
	if (monitor->job->networks)
		network_set_done(monitor->job->networks);
}

/* Everybody but a client that still reads may know that it is over. Once. */
static int tell_end(struct monitor *monitor, struct err *err)
{
	if (monitor->told)
		return 0;
	monitor->told = true;
	process_end_servers(&monitor->process);
	leave_network(monitor); /* ports are free before anybody hears of the end */
	/* What cannot be recorded (a full disk) is told all the same; the next look repairs the record. */
	(void)monitor->job->events->ended(monitor->job->events->data, monitor->status, err);
	return 0;
}

static int on_linger(void *data, struct err *err)
{
	struct monitor *monitor = data;

	if (client_blocked(&monitor->clients)) /* `sbx run … | less`: nothing is to be lost */
		return tell_end(monitor, err);
	loop_quit(monitor->loop, 0);
	return 0;
}

static int container_died(struct monitor *monitor, struct err *err)
{
	monitor->status = spawn_wait(monitor->process.pid, err);
	if (monitor->status < 0)
		return monitor->status;
	monitor->process.pid = 0;
	monitor->ended = true;
	watch_end(&monitor->process.watcher); /* nobody is left for it to hear of */
	health_stop(&monitor->health);
	close_stdin(monitor);
	TRY(loop_add_timer(monitor->loop, monitor->job->linger_ms, monitor->job->linger_ms,
		on_linger, monitor, NULL, err));
	return finish_if_done(monitor);
}

static int on_container_end(void *data, int fd, uint32_t events, struct err *err)
{
	struct monitor *monitor = data;

	return monitor->ended ? 0 : container_died(monitor, err);
}

/* Has this child of ours ended? It stays a zombie until its handler reaps it. */
static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/* A dying process lets go of its mounts before its parent can wait for it: when the last mount ends,
 * sbx-fuse ends, and may be seen to end first. Gives the container that moment. */
static bool is_ending(pid_t pid)
{
	for (int tries = 0; tries < 200 && !has_ended(pid); tries++)
		(void)poll(NULL, 0, 5); /* a signal only shortens the pause */
	return has_ended(pid);
}

/* Without its file system the container can only hang: it ends, and says why. */
static int on_fuse_end(void *data, int fd, uint32_t events, struct err *err)
{
	struct monitor *monitor = data;
	struct fuse_server *server = process_server(&monitor->process, fd);
	char words[256], text[384];
	struct err ignored;
	int status, n;

	if (server->pid <= 0)
		return 0;
	status = spawn_wait(server->pid, &ignored);
	server->pid = 0;
	if (monitor->ended || has_ended(monitor->process.pid) ||
		(status == 0 && is_ending(monitor->process.pid)))
		return 0; /* the mount went first: that is how it should be */
	fuse_server_last_words(server, words, sizeof(words));
	n = snprintf(text, sizeof(text),
		"sbx: the file system server (sbx-fuse) died; the container is stopped%s%s\n",
		*words ? ": " : "", words);
	TRY(monitor->job->events->output(monitor->job->events->data, 2, text, (size_t)n, err));
	TRY(client_broadcast(&monitor->clients, ATTACH_STDERR, text, (size_t)n, err));
	(void)kill(monitor->process.pid, SIGKILL);
	return 0;
}

/* The container goes on: what it does may not need the network. */
static int on_network_lost(void *data, const struct err *why, struct err *err)
{
	struct monitor *monitor = data;
	char text[sizeof(why->text) + 64];
	int n = snprintf(text, sizeof(text),
		"sbx: the container's network is lost until it is restarted: %s\n", why->text);

	TRY(monitor->job->events->output(monitor->job->events->data, 2, text, (size_t)n, err));
	return client_broadcast(&monitor->clients, ATTACH_STDERR, text, (size_t)n, err);
}

static int watch_one(
	struct monitor *monitor, struct network *network, struct net_watch *watch, struct err *err)
{
	*watch = (struct net_watch){ .loop = monitor->loop,
		.network = network,
		.id = monitor->job->id,
		.name = monitor->job->name,
		.lost = on_network_lost,
		.data = monitor };
	return net_watch_start(watch, err);
}

static int watch_networks(struct monitor *monitor, struct err *err)
{
	struct network_set *more = monitor->job->networks;

	TRY(watch_one(monitor, monitor->job->network, &monitor->net_watch, err));
	if (!more || !more->n)
		return 0;
	monitor->more_watches = calloc(more->n, sizeof(*monitor->more_watches));
	if (!monitor->more_watches)
		return err_set(err, -ENOMEM, "out of memory");
	for (; monitor->n_more_watches < more->n; monitor->n_more_watches++)
		TRY(watch_one(monitor, more->list[monitor->n_more_watches],
			&monitor->more_watches[monitor->n_more_watches], err));
	return 0;
}

/* The set of networks may be another one afterwards. */
static int serve_request(
	struct monitor *monitor, struct client *from, const char *text, size_t len, struct err *err)
{
	struct err answer = ERR_INIT;

	if (monitor->ended || !monitor->job->events->request) {
		(void)err_set(&answer, -ESRCH, "the container is not running");
	} else {
		unwatch_networks(monitor);
		(void)monitor->job->events->request(monitor->job->events->data, text, len, &answer);
		TRY(watch_networks(monitor, err));
	}
	return client_tell(from, ATTACH_ANSWER, &answer, sizeof(answer), err);
}

/* --timeout */
static int on_timeout(void *data, struct err *err)
{
	struct monitor *monitor = data;

	if (monitor->process.pid > 0)
		(void)kill(monitor->process.pid, SIGKILL); /* our child, not reaped yet */
	return 0;
}

/* SIGTERM to the monitor (logout, shutdown) is meant for the container. SIGCHLD stands in for pidfds
 * before Linux 5.3. */
static int on_signal(void *data, int signo, struct err *err)
{
	struct monitor *monitor = data;
	struct process *process = &monitor->process;

	if (signo != SIGCHLD) {
		if (process->pid > 0)
			(void)kill(
				process->pid, signo); /* our child, not reaped yet: it is the one */
		return 0;
	}
	TRY(watch_again(&process->watcher, err));
	if (process->fuse.pidfd < 0 && has_ended(process->fuse.pid))
		TRY(on_fuse_end(monitor, -1, 0, err));
	return process->pidfd < 0 && !monitor->ended && has_ended(process->pid)
		       ? container_died(monitor, err)
		       : 0;
}

/* ---- set-up ---- */

static int nonblocking(int fd, struct err *err)
{
	int flags = fd < 0 ? 0 : fcntl(fd, F_GETFL);

	if (fd >= 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
		return err_sys(err, "fcntl");
	return 0;
}

static int watch(struct monitor *monitor, int listener, struct err *err)
{
	struct process *process = &monitor->process;
	struct loop *loop = monitor->loop;
	sigset_t signals;

	monitor->outputs[0] =
		(struct output){ .monitor = monitor, .fd = process->out, .stream = 1 };
	monitor->outputs[1] =
		(struct output){ .monitor = monitor, .fd = process->err, .stream = 2 };
	TRY(nonblocking(process->in, err));
	TRY(nonblocking(process->out, err));
	TRY(nonblocking(process->err, err));
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGCHLD);
	TRY(loop_add_signals(loop, &signals, on_signal, monitor, NULL, err));
	if (process->pidfd >= 0)
		TRY(loop_add_fd(
			loop, process->pidfd, EPOLLIN, on_container_end, monitor, NULL, err));
	if (process->fuse.pidfd >= 0)
		TRY(loop_add_fd(
			loop, process->fuse.pidfd, EPOLLIN, on_fuse_end, monitor, NULL, err));
	for (size_t i = 0; i < process->n_squash; i++)
		if (process->squash[i].pidfd >= 0)
			TRY(loop_add_fd(loop, process->squash[i].pidfd, EPOLLIN, on_fuse_end,
				monitor, NULL, err));
	if (listener >= 0)
		TRY(loop_add_fd(loop, listener, EPOLLIN, on_attach, monitor, NULL, err));
	TRY(watch_networks(monitor, err));
	TRY(health_start(
		&monitor->health, monitor->job->health, loop, process->pid, process->pidfd, err));
	monitor->health.cgroup = process->cgroup;
	if (monitor->job->timeout_ms)
		TRY(loop_add_timer(
			loop, monitor->job->timeout_ms, 0, on_timeout, monitor, NULL, err));
	/* Who ended before SIGCHLD was blocked above sent it to nobody. */
	TRY(on_signal(monitor, SIGCHLD, err));
	return set_reading(monitor, !client_blocked(&monitor->clients), err);
}

static int run(struct monitor *monitor, int listener, struct err *err)
{
	TRY(monitor->job->events->started(monitor->job->events->data, monitor->process.pid, err));
	TRY(client_broadcast(&monitor->clients, ATTACH_STARTED, NULL, 0, err));
	TRY(watch(monitor, listener, err));
	TRY(loop_run(monitor->loop, err));
	TRY(tell_end(monitor, err));
	client_farewell(&monitor->clients, ATTACH_EXIT, &monitor->status, sizeof(monitor->status));
	return monitor->status;
}

int monitor_run(const struct monitor_job *job, int client, int listener, struct err *err)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));
	const struct client_events callbacks = {
		.data = monitor, .message = on_message, .gone = on_gone, .unblocked = on_unblocked
	};
	autofd int listening = listener;
	int r;

	if (!monitor) {
		fd_drop(&client);
		return err_set(err, -ENOMEM, "out of memory");
	}
	*monitor = (struct monitor){ .job = job,
		.process = PROCESS_INIT,
		.clients = { .events = &callbacks },
		.health = HEALTH_INIT };
	r = loop_new(&monitor->loop, err);
	monitor->clients.loop = monitor->loop;
	if (r == 0 && client >= 0)
		r = client_add(&monitor->clients, client, true, err);
	if (r == 0)
		r = job->start(job->data, &monitor->process, err);
	if (r == 0)
		r = run(monitor, listening, err);
	health_stop(&monitor->health);
	process_done(&monitor->process);
	if (r < 0) {
		leave_network(monitor);
		job->events->failed(job->events->data, err);
		client_farewell(&monitor->clients, ATTACH_FAILED, err, sizeof(*err));
	}
	client_list_done(&monitor->clients);
	loop_free(monitor->loop);
	free(monitor);
	return r;
}

struct container_start {
	const struct process_spec *spec;
	const struct process_events *events;
};

static int start_container(void *data, struct process *ret, struct err *err)
{
	const struct container_start *start = data;

	return process_start(start->spec, start->events, ret, err);
}

int process_monitor(const struct process_spec *spec, const struct process_events *events,
	int client, int listener, struct err *err)
{
	struct container_start start = { .spec = spec, .events = events };
	const struct exec_spec probe = { .argv = spec->health ? &spec->health->test : NULL,
		.env = spec->env,
		.user = spec->user,
		.workdir = spec->workdir,
		.umask = spec->more ? spec->more->umask : NULL,
		.group_add = spec->group_add,
		.policy = spec->policy };
	const struct health_job health = { .spec = spec->health,
		.exec = &probe,
		.may_probe = events->may_probe,
		.probed = events->probed,
		.data = events->data };
	const struct monitor_job job = { .tty = spec->tty,
		.open_stdin = spec->open_stdin,
		.stdin_once = spec->stdin_once,
		.launcher_in = spec->launcher_in,
		.id = spec->id,
		.name = spec->name,
		.network = spec->network,
		.networks = spec->networks,
		.events = events,
		.health = spec->health && spec->health->test.n ? &health : NULL,
		.timeout_ms = spec->more ? spec->more->timeout * 1000 : 0,
		.linger_ms = LINGER_MS,
		.start = start_container,
		.data = &start };

	return monitor_run(&job, client, listener, err);
}
