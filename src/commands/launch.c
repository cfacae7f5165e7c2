/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/inherited.h"
#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"

#define TTY_GID 5 /* devpts(4): whom terminals belong to */

void launch_done(struct launch *launch)
{
	logger_free(launch->log);
	free(launch->log_lost);
	fd_drop(&launch->lock);
	container_done(&launch->container);
	rootfs_done(&launch->rootfs);
	network_done(&launch->network);
	network_set_done(&launch->more);
	policy_done(&launch->policy);
	image_done(&launch->image);
	launch_images_done(launch);
	run_opts_done(&launch->opts);
	strv_done(&launch->argv);
	strv_done(&launch->health.test);
	cdi_done(&launch->cdi);
	strv_done(&launch->env);
	free(launch->path);
	free(launch->names);
	free(launch->hostname);
	free(launch->workdir);
	free(launch->as_user);
	free(launch->passwd_line);
	free(launch->shared_hostname);
	fd_drop(&launch->shared);
	fd_drop(&launch->report);
	*launch = (struct launch)LAUNCH_INIT;
}

/* Once per store, not once per run: it is a fact, not a fault. */
static int say_once(const struct globals *globals, const struct idmap *idmap, struct err *err)
{
	autofree char *dir = xasprintf("%s/cache", globals->root);
	autofree char *path = NULL;
	int fd;

	if (!idmap->notice[0])
		return 0;
	TRY(fs_mkdirs(dir, 0700, err));
	path = xasprintf("%s/said-%.*s", dir, (int)strcspn(idmap->notice, ":"), idmap->notice);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : fs_err(err, AT_FDCWD, path);
	(void)close(fd); /* an empty mark */
	log_msg(LOG_WARN, "%s", idmap->notice);
	return 0;
}

static char *host_name(void)
{
	char name[256];

	if (gethostname(name, sizeof(name)) < 0)
		return xstrdup("localhost");
	name[sizeof(name) - 1] = '\0';
	return xstrdup(name);
}

static void plan_names(struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;
	const char *workdir = opts->workdir ? opts->workdir : launch->image.workdir;

	free(launch->hostname);
	free(launch->workdir);
	if (opts->hostname)
		launch->hostname = xstrdup(opts->hostname);
	else if (launch->shared_hostname)
		launch->hostname = xstrdup(launch->shared_hostname);
	else if (launch->network.kind == NETWORK_HOST)
		launch->hostname = host_name();
	else
		launch->hostname = xstrndup(launch->id, 12);
	free(launch->names);
	launch->names = network_own_names(launch->hostname, opts->domainname);
	if (!workdir || !*workdir)
		workdir = "/";
	launch->workdir = workdir[0] == '/' ? xstrdup(workdir) : xasprintf("/%s", workdir);
	launch->user = opts->user        ? opts->user
		       : launch->as_user ? launch->as_user
					 : launch->image.user;
	free(launch->path);
	launch->path = xasprintf("%s/containers/%s", launch->globals->root, launch->id);
}

/* At each start: an update of the driver changes what the names stand for. */
static int plan_devices(struct launch *launch, struct err *err)
{
	cdi_done(&launch->cdi);
	TRY(cdi_find(launch->globals, &launch->opts.devices, &launch->cdi, err));
	strv_each (warning, &launch->cdi.warnings)
		log_msg(LOG_WARN, "%s", *warning);
	return 0;
}

int launch_plan(struct launch *launch, struct err *err)
{
	struct rootfs_input input = { .globals = launch->globals,
		.opts = &launch->opts,
		.image = &launch->image,
		.policy = &launch->policy,
		.cdi = &launch->cdi,
		.id = launch->id };
	autofree char *run_dir = NULL;

	strv_each (port, &launch->opts.expose)
		if (!strv_has(&launch->image.exposed_ports, *port))
			strv_add(&launch->image.exposed_ports, *port);
	TRY(idmap_detect(&launch->idmap, err));
	TRY(say_once(launch->globals, &launch->idmap, err));
	TRY(rootfs_driver(launch->globals, &launch->idmap, &launch->driver, NULL, 0, err));
	TRY(launch_ids(launch, err));
	TRY(plan_devices(launch, err));
	if (!launch->recorded)
		TRY(policy_plan(launch->globals, &launch->opts, &launch->policy, err));
	if (launch_reports(launch))
		TRY(policy_watch(&launch->policy,
			launch->opts.policy_learn ? POLICY_WATCH_LEARN : POLICY_WATCH_REPORT, err));
	else if (launch->idmap.kind == IDMAP_SINGLE && policy_can_answer())
		policy_identity(&launch->policy);
	TRY(network_plan(launch->globals, &launch->opts, &launch->image.exposed_ports,
		&launch->network, err));
	launch->network.log_dir = xasprintf("%s/containers/%s", launch->globals->root, launch->id);
	TRY(launch_share_network(launch, err));
	if (launch->network.kind == NETWORK_BRIDGE)
		TRY(launch_link(launch, &launch->opts.links, &launch->network, err));
	TRY(launch_plan_more(launch, err));
	plan_names(launch);
	TRY(launch_command(launch, err));
	run_dir = xasprintf("%s/%s", launch->globals->runroot, launch->id);
	input.container = launch->path;
	input.run_dir = run_dir;
	input.driver = launch->driver;
	input.squash_owner = launch->squash_owner;
	input.host_network = launch->network.kind == NETWORK_HOST;
	input.no_tty_gid = idmap_to_host(launch->idmap.gid, launch->idmap.n_gid, TTY_GID) ==
			   UINT32_MAX;
	return rootfs_plan(&input, &launch->rootfs, err);
}

/* ---- what the monitor reports ---- */

static int on_joined(void *data, struct err *err)
{
	return launch_write_files(data, err);
}

/* From here on nothing of the caller's terminal is needed or kept. */
static int forget_stdio(struct err *err)
{
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_sys(err, "open /dev/null");
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return err_sys(err, "dup2");
	return 0;
}

/* Ours and the launcher's copy at once; closing ours alone would leave it to the launcher. */
static void release_lock(struct launch *launch)
{
	if (launch->lock >= 0)
		(void)flock(launch->lock, LOCK_UN);
	fd_drop(&launch->lock);
}

static void on_limited(void *data, const char *cgroup)
{
	struct container *c = &((struct launch *)data)->container;

	free(c->cgroup);
	c->cgroup = xstrdup(cgroup);
}

static int on_started(void *data, pid_t pid, struct err *err)
{
	struct launch *launch = data;
	struct container *c = &launch->container;

	c->status = STATUS_RUNNING;
	c->pid = pid;
	c->pid_start = state_pid_start(pid);
	c->monitor = getpid();
	c->monitor_start = state_pid_start(c->monitor);
	c->started = state_now();
	c->finished = 0;
	c->exit_code = 0;
	c->oom_killed = false;
	free(c->error);
	c->error = xstrdup("");
	json_free(c->network);
	c->network = launch_networks_record(launch);
	c->restarts = launch->comeback.count;
	c->stopped = false;
	TRY(state_save(c, err));
	launch_health_begin(launch);
	launch_tell_members(launch, true);
	event_container(launch->globals, c, "start", NULL, NULL);
	release_lock(launch);
	if (c->restarts && state_stop_asked(c) != STOP_NOT_ASKED)
		(void)kill(pid, SIGKILL); /* our child: the wish came while it was being started */
	inherited_release((int)launch->opts.preserve_fds);
	launch->opts.preserve_fds = 0;
	return forget_stdio(err);
}

static int on_output(void *data, int stream, const void *bytes, size_t len, struct err *err)
{
	struct launch *launch = data;
	struct err lost;
	int r = 0;

	if (!launch->log) /* closed at the end, but a slow client held the last bytes back */
		r = logger_open(&launch->container, &launch->log, &lost);
	if (r == 0)
		r = logger_write(launch->log, stream, bytes, len, &lost);
	/* A full disk costs lines of the log, not the container. */
	if (r < 0 && !launch->log_lost)
		launch->log_lost = xasprintf("some output is not in the log: %s", lost.text);
	return 0;
}

static void tell_end(const struct launch *launch, int status)
{
	const struct container *c = &launch->container;
	struct json *more = json_new_map();
	char number[24];

	snprintf(
		number, sizeof(number), "%lld", (long long)(state_now() - c->started) / 1000000000);
	json_put_string(more, "execDuration", number);
	snprintf(number, sizeof(number), "%d", status);
	json_put_string(more, "exitCode", number);
	event_container_with(launch->globals, c, "die", more);
	launch_tell_members(launch, false);
}

static void note_oom(struct launch *launch)
{
	struct container *c = &launch->container;

	c->oom_killed = c->cgroup && *c->cgroup && cgroup_oom_killed(c->cgroup);
	if (c->oom_killed)
		event_container(launch->globals, c, "oom", NULL, NULL);
	free(c->cgroup);
	c->cgroup = NULL; /* goes with its last process */
}

static int on_ended(void *data, int status, struct err *err)
{
	struct launch *launch = data;
	struct container *c = &launch->container;

	logger_free(launch->log);
	launch->log = NULL;
	launch_report_end(launch, status);
	tell_end(launch, status);
	note_oom(launch);
	launch_end(launch, status);
	if (launch->log_lost) {
		free(c->error);
		c->error = move_ptr(&launch->log_lost);
	}
	if (state_stop_asked(c) == STOP_KEEP)
		launch->opts.remove = false; /* somebody else decides what becomes of it */
	if (launch->opts.remove) /* the rest of the removal waits until the client has its answer */
		return state_retire(launch->globals, c, err);
	return state_save(c, err);
}

static void on_failed(void *data, const struct err *why)
{
	struct launch *launch = data;
	struct container *c = &launch->container;
	struct err ignored;

	release_lock(launch);
	if (launch->opts.remove) { /* monitor_main() does the rest; `why` is what to tell */
		(void)state_retire(launch->globals, c, &ignored);
		return;
	}
	if (launch->comeback.count) {
		launch_end(launch, why->exit ? why->exit : 125);
	} else { /* the first time the user is told, and may try again */
		c->status = c->started ? STATUS_EXITED : STATUS_CREATED;
		c->pid = c->monitor = 0;
		c->exit_code = why->exit ? why->exit : 125;
	}
	free(c->error);
	c->error = xstrdup(why->text);
	(void)state_save(c, &ignored);
}

/* ---- the launch ---- */

static int listen_for_clients(const struct container *c, struct err *err)
{
	autofd int dir = open(c->run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	autofd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (dir < 0 || sock < 0)
		return err_sys(err, "make the attach socket in '%s'", c->run_path);
	if (unlinkat(dir, "attach.sock", 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove the old attach socket");
	/* by descriptor: the path may be longer than the 108 bytes of sun_path */
	(void)snprintf(
		address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/attach.sock", dir);
	if (bind(sock, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(sock, 16) < 0)
		return err_sys(err, "listen on '%s/attach.sock'", c->run_path);
	return move_fd(&sock);
}

/* One run of the container, from its start to its end. */
static int run_once(struct launch *launch, int client, int listener, struct err *err)
{
	const struct process_events events = { .data = launch,
		.joined = on_joined,
		.limited = on_limited,
		.started = on_started,
		.request = launch_request,
		.output = on_output,
		.ended = on_ended,
		.failed = on_failed,
		.may_probe = launch_may_probe,
		.probed = launch_probed };
	const struct process_spec spec = {
		.id = launch->id,
		.name = launch->container.name,
		.idmap = &launch->idmap,
		.stored = launch->keeps ? &launch->stored : NULL,
		.rootfs = &launch->rootfs,
		.network = &launch->network,
		.networks = &launch->more,
		.policy = &launch->policy,
		.argv = &launch->argv,
		.env = &launch->env,
		.user = launch->user,
		.workdir = launch->workdir,
		.hostname = launch->hostname,
		.group_add = launch->keep_groups == KEEP_GROUPS_ALL ? NULL
								    : &launch->opts.group_add,
		.keep_groups = launch->keep_groups,
		.passwd_line = launch->passwd_line,
		.ulimits = launch->opts.ulimits,
		.n_ulimits = launch->opts.n_ulimits,
		.limits = &launch->opts.limits,
		.more = &launch->opts,
		.cdi = &launch->cdi,
		.run_dir = launch->container.run_path,
		.tty = launch->opts.tty,
		.open_stdin = launch->opts.interactive,
		.stdin_once = !launch->opts.detach,
		.launcher_in = launch->attach_in,
		.init = launch->opts.init,
		.health = &launch->health,
		.report = launch->report,
	};

	launch_health_spec(launch);
	return process_monitor(&spec, &events, client, listener, err);
}

static _Noreturn void monitor_main(struct launch *launch, int client, int listener)
{
	struct err err = ERR_INIT;
	int r;

	for (char **arg = launch->typed; arg && *arg; arg++)
		memset(*arg, 0, strlen(*arg));
	/* stdout and stdin must not be held open behind the launcher's back; stderr still serves
	 * for notices until the payload runs */
	if (setsid() < 0 || chdir("/") < 0 || dup2(launch->container.dir, STDIN_FILENO) < 0 ||
		dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		_exit(125);
	r = run_once(launch, client, listener, &err);
	while (launch->comeback.due && launch_comes_back(launch, &listener) > 0) {
		err = (struct err)ERR_INIT;
		r = run_once(launch, -1, listener, &err); /* on_failed() has noted a failure */
	}
	logger_free(launch->log);
	if (launch->opts.remove &&
		state_remove(launch->globals, &launch->container, true, &err) < 0)
		_exit(125); /* the next listing collects it */
	_exit(r < 0 ? 125 : 0);
}

int launch_prepare(struct launch *launch, int *ret_listener, struct err *err)
{
	TRY(state_run_dir(&launch->container, launch->globals, err));
	TRY(rootfs_prepare(&launch->rootfs, err));
	TRY(logger_open(&launch->container, &launch->log, err));
	TRY(launch_report_open(launch, err));
	TRY(*ret_listener = listen_for_clients(&launch->container, err));
	return 0;
}

int launch_go(struct launch *launch, int *ret_client, struct err *err)
{
	autofd int sock = -EBADF, listener = -EBADF;
	pid_t pid;

	inherited_drop(launch->typed);
	TRY(state_run_dir(&launch->container, launch->globals, err));
	TRY(state_forget_stop(&launch->container, err));
	TRY(launch_prepare(launch, &listener, err));
	pid = spawn_fork(&sock, err);
	if (pid < 0)
		return err_wrap(err, "start the monitor");
	if (pid == 0)
		monitor_main(launch, move_fd(&sock), move_fd(&listener));
	inherited_release((int)launch->opts.preserve_fds); /* the monitor has them */
	*ret_client = move_fd(&sock);
	return 0;
}

/* -a names the streams that are shown: the others go nowhere. */
static int stream_of(const struct run_opts *opts, int stream, int null)
{
	return !opts->attach_given || opts->attach[stream] ? stream : null;
}

int launch_attend(struct launch *launch, int client, bool detach, struct err *err)
{
	const struct run_opts *opts = &launch->opts;
	autofd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct client_opts attend = {
		.in = launch->attach_in ? STDIN_FILENO : -1,
		.out = stream_of(opts, STDOUT_FILENO, null),
		.err = stream_of(opts, STDERR_FILENO, null),
		.tty = opts->tty,
		.sig_proxy = opts->sig_proxy && !opts->tty,
		.detach_keys = opts->detach_keys,
	};
	char message[1 + sizeof(struct err)];
	ssize_t n;

	if (null < 0)
		return err_sys(err, "open /dev/null");
	if (!detach)
		return client_run(client, &attend, err);
	do {
		n = recv(client, message, sizeof(message), 0);
	} while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n == 1 + sizeof(struct err) && message[0] == ATTACH_FAILED) {
		memcpy(err, message + 1, sizeof(*err));
		return err->code;
	}
	if (n < 1 || message[0] != ATTACH_STARTED)
		return err_set(err, -EPIPE, "the container's monitor died");
	return 0;
}
