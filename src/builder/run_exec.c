/* SPDX-License-Identifier: Apache-2.0 */
/* The container of a RUN: planned and started as `sbx run` does it, without a record, a log or clients. */
#include "builder/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "builder/progress.h"
#include "process/process.h"
#include "state/state.h"

#define APT_CONFIG "/dev/sbx/apt.conf"
#define HOSTNAME   "buildkitsandbox" /* BuildKit's; scripts have been seen to look at it */

struct watch {
	struct run_job *job;
	int still; /* lock: layers stay where they are until they are mounted */
};

static int write_file(
	const struct run_job *job, const char *name, const char *text, struct err *err)
{
	autofree char *path = xasprintf("%s/%s/run/%s", job->step->build->work, job->dir, name);
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);

	if (fd < 0)
		return fs_err(err, AT_FDCWD, path);
	if (fchmod(fd, 0644) < 0)
		return err_sys(err, "chmod '%s'", name);
	return fs_write_all(fd, text, strlen(text), err);
}

static int on_joined(void *data, struct err *err)
{
	const struct run_job *job = ((struct watch *)data)->job;
	autofree char *hosts = NULL, *resolv = NULL;

	TRY(network_hosts(&job->net, HOSTNAME, &hosts, err));
	TRY(network_resolv(&job->net, &resolv, err));
	TRY(write_file(job, "hosts", hosts, err));
	TRY(write_file(job, "resolv.conf", resolv, err));
	return write_file(job, "hostname", HOSTNAME "\n", err);
}

static int on_started(void *data, pid_t pid, struct err *err)
{
	struct watch *watch = data;

	(void)pid;
	fd_drop(&watch->still);
	strv_each (path, &watch->job->secrets) {
		int r = run_secret_remove(*path);

		if (r < 0)
			return err_set(err, r, "remove a secret's file: %s", strerror(-r));
	}
	strv_done(&watch->job->secrets);
	return 0;
}

static int on_output(void *data, int stream, const void *bytes, size_t len, struct err *err)
{
	const struct step *s = ((struct watch *)data)->job->step;
	struct report head = { .kind = REPORT_OUTPUT,
		.vertex = vertex_of(s->stage, s->index),
		.number = stream,
		.when = progress_now() };

	(void)err;
	report_bytes(s->build, &head, bytes, len);
	return 0;
}

static int on_ended(void *data, int status, struct err *err)
{
	(void)data;
	(void)status;
	(void)err;
	return 0;
}

static void on_failed(void *data, const struct err *why)
{
	(void)data;
	(void)why; /* process_monitor() returns it too */
}

/* A file of ours for the program to see, read-only, below /dev, where it leaves nothing in the layer. */
static int show_file(
	struct run_job *job, const char *name, const char *text, const char *where, struct err *err)
{
	autofree char *path = xasprintf("%s/%s/run/%s", job->step->build->work, job->dir, name);
	struct volume *v;

	TRY(write_file(job, name, text, err));
	if (chmod(path, 0755) < 0)
		return err_sys(err, "chmod '%s'", name);
	job->opts.volumes = xreallocarray(
		job->opts.volumes, job->opts.n_volumes + 1, sizeof(*job->opts.volumes));
	v = &job->opts.volumes[job->opts.n_volumes++];
	*v = (struct volume){ .type = VOLUME_BIND, .read_only = true };
	v->source = move_ptr(&path);
	v->destination = xstrdup(where);
	return 0;
}

/* apt asks who it is after it has become _apt, and would not believe a filter's answer: it stays root. */
static int help_apt(struct run_job *job, struct err *err)
{
	if (strv_env_get(&job->env, "APT_CONFIG"))
		return 0;
	strv_add(&job->env, "APT_CONFIG=" APT_CONFIG);
	return show_file(job, "apt.conf", "APT::Sandbox::User \"root\";\n", APT_CONFIG, err);
}

static int add_files(struct run_job *job, struct err *err)
{
	if (job->script)
		TRY(show_file(job, "script", job->script, job->argv.v[0], err));
	return job->answered ? help_apt(job, err) : 0;
}

/* With a single id a supervisor answers for owners and users; where there can be none, a filter only says "done". */
static int plan_policy(struct run_job *job, struct err *err)
{
	const struct build *b = job->step->build;

	TRY(policy_plan(b->globals, &job->opts, &job->policy, err));
	if (b->owners == OWNERS_KEPT)
		policy_identity(&job->policy);
	job->answered = b->owners != OWNERS_REAL && job->policy.watch != POLICY_WATCH_IDENTITY;
	return job->answered ? policy_answer_owners(&job->policy, err) : 0;
}

static int make_dirs(struct run_job *job, struct err *err)
{
	autofree char *run = xasprintf("%s/%s/run", job->step->build->work, job->dir);

	return fs_mkdirs(run, 0700, err);
}

static int plan_root(struct run_job *job, struct err *err)
{
	struct build *b = job->step->build;
	autofree char *dir = xasprintf("%s/%s", b->work, job->dir);
	autofree char *run = xasprintf("%s/run", dir);
	struct image image = { 0 };
	const struct rootfs_input input = { .globals = b->globals,
		.opts = &job->opts,
		.image = &image,
		.policy = &job->policy,
		.container = dir,
		.run_dir = run,
		.id = job->id,
		.driver = b->driver,
		.host_network = job->net.kind == NETWORK_HOST,
		.no_tty_gid = b->idmap.kind == IDMAP_SINGLE };
	int r = snapshot_dirs(b, job->step->snap, &image.layers, err);

	if (r == 0)
		r = run_binds_layers(job, err);
	if (r == 0)
		r = rootfs_plan(&input, &job->rootfs, err);
	strv_done(&image.layers);
	return r;
}

static int prepare(struct run_job *job, struct err *err)
{
	struct build *b = job->step->build;

	TRY(make_dirs(job, err));
	TRY(plan_policy(job, err));
	TRY(add_files(job, err));
	state_new_id(job->id);
	TRY(network_plan(b->globals, &job->opts, &(const struct strv){ 0 }, &job->net, err));
	TRY(plan_root(job, err));
	return rootfs_prepare(&job->rootfs, err);
}

static struct process_spec spec_of(struct run_job *job)
{
	return (struct process_spec){
		.id = job->id,
		.name = HOSTNAME,
		.idmap = &job->step->build->idmap,
		.rootfs = &job->rootfs,
		.network = &job->net,
		.policy = &job->policy,
		.argv = &job->argv,
		.env = &job->env,
		.user = job->user,
		.workdir = job->workdir,
		.hostname = HOSTNAME,
		.ulimits = job->opts.ulimits,
		.n_ulimits = job->opts.n_ulimits,
		.limits = &job->opts.limits,
		.more = &job->opts,
	};
}

static struct process_events events_of(struct watch *watch)
{
	return (struct process_events){ .data = watch,
		.joined = on_joined,
		.started = on_started,
		.output = on_output,
		.ended = on_ended,
		.failed = on_failed };
}

int run_execute(struct run_job *job, struct err *err)
{
	struct watch watch = { .job = job, .still = -EBADF };
	struct process_spec spec;
	struct process_events events;
	int r;

	watch.still = cache_hold_still(&job->step->build->cache, err);
	TRY(watch.still);
	r = prepare(job, err);
	if (r >= 0) {
		spec = spec_of(job);
		events = events_of(&watch);
		r = process_monitor(&spec, &events, -1, -1, err);
	}
	fd_drop(&watch.still);
	return r;
}

/* ---- --on-error shell ---- */

static _Noreturn void shell_monitor(struct run_job *job, int client)
{
	struct watch watch = { .job = job, .still = -EBADF };
	struct process_spec spec = spec_of(job);
	struct process_events events = events_of(&watch);
	struct err err = ERR_INIT;

	spec.tty = spec.open_stdin = spec.stdin_once = spec.launcher_in = true;
	_exit(process_monitor(&spec, &events, client, -1, &err) < 0 ? 125 : 0);
}

int run_shell(struct run_job *job, struct err *err)
{
	const struct client_opts attend = {
		.in = STDIN_FILENO, .out = STDOUT_FILENO, .err = STDERR_FILENO, .tty = true
	};
	struct err ignored = ERR_INIT;
	autofd int sock = -EBADF;
	int status;
	pid_t pid;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(err, -ENOTTY, "--on-error shell needs a terminal");
	network_done(&job->net);
	job->net = (struct network)NETWORK_INIT;
	TRY(network_plan(
		job->step->build->globals, &job->opts, &(const struct strv){ 0 }, &job->net, err));
	TRY(run_secrets_again(job, err));
	TRY(rootfs_prepare(&job->rootfs, err)); /* the torn upper directory is what is wanted */
	strv_done(&job->argv);
	strv_add(&job->argv, "/bin/sh");
	strv_env_set(&job->env, "TERM=xterm");
	pid = spawn_fork(&sock, err);
	if (pid < 0)
		return pid;
	if (pid == 0)
		shell_monitor(job, move_fd(&sock));
	status = client_run(sock, &attend, err);
	(void)spawn_wait(pid, &ignored);
	return status < 0 ? status : 0;
}
