/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exec: a command in a running container. What it may do and its environment come from the
 * container's record, so the monitor is not needed.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/inherited.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "options/verbs.h"
#include "process/process.h"

static int check(const struct exec_opts *opts, const struct container *c, struct err *err)
{
	if (c->status == STATUS_RESTARTING)
		err_set(err, -EBUSY,
			"container %s is restarting, wait until the container is running", c->id);
	else if (c->status == STATUS_PAUSED)
		err_set(err, -EBUSY, "container %s is paused, unpause the container before exec",
			c->name);
	else if (!container_up(c))
		err_set(err, -ESRCH, "container %s is not running", c->id);
	else if (opts->tty && opts->interactive && !opts->detach && !isatty(STDIN_FILENO))
		err_set(err, -ENOTTY, "the input device is not a TTY");
	return err->code ? err_exit(err, 1) : 0;
}

static void plan_env(const struct exec_opts *opts, const struct container *c, struct strv *env)
{
	json_strv(json_get(c->config, "env"), env);
	if (opts->tty && !strv_env_get(env, "TERM"))
		strv_add(env, "TERM=xterm");
	env_override(env, &opts->env);
}

struct how {
	char **typed;       /* our own argv, or NULL */
	int64_t timeout_ms; /* 0: none, and it is attached */
};

/* What the new process is held to. */
struct rights {
	struct policy policy;
	struct ulimit *ulimits;
	size_t n_ulimits;
};

static void rights_done(struct rights *rights)
{
	policy_done(&rights->policy);
	free(rights->ulimits);
}

static int resource_named(const char *name)
{
	for (int i = 0; i < (int)RLIM_NLIMITS; i++)
		if (*name && strcmp(ulimit_name(i), name) == 0)
			return i;
	return -1;
}

static void add_ulimit(struct rights *rights, const struct ulimit *u)
{
	rights->ulimits = xreallocarray(
		rights->ulimits, rights->n_ulimits + 1, sizeof(*rights->ulimits));
	rights->ulimits[rights->n_ulimits++] = *u;
}

/* -1, unlimited, is RLIM_INFINITY as a number too. */
static int recorded_ulimits(const struct container *c, struct rights *rights, struct err *err)
{
	json_each (it, json_get(c->config, "ulimits")) {
		struct ulimit u = {
			.resource = resource_named(json_str(json_get(it.value, "Name"), "")),
			.limit = { .rlim_cur = (rlim_t)json_int(json_get(it.value, "Soft"), -1),
				.rlim_max = (rlim_t)json_int(json_get(it.value, "Hard"), -1) },
		};

		if (u.resource < 0)
			return err_set(err, -EINVAL, "the recorded ulimits are damaged");
		add_ulimit(rights, &u);
	}
	return 0;
}

/* The caller chooses, as with run: a policy takes the container's place, it is not added to it. Mounts and
 * network are the container's and stay. */
static int chosen_policy(const struct globals *globals, const struct exec_opts *opts,
	struct rights *ret, struct err *err)
{
	autorunopts struct run_opts chosen = { 0 };

	TRY(policy_run_opts(opts->policy, &chosen, err));
	for (size_t i = 0; i < chosen.n_ulimits; i++)
		add_ulimit(ret, &chosen.ulimits[i]);
	return policy_plan(globals, &chosen, &ret->policy, err);
}

/* The container's own, or with --privileged what `run --privileged` gives. */
static int plan_rights(const struct globals *globals, const struct exec_opts *opts,
	const struct container *c, struct rights *ret, struct err *err)
{
	const struct run_opts privileged = { .privileged = true };
	autojson struct json *launch = NULL;

	if (opts->privileged && opts->policy)
		return err_exit(err,
			(err_set(err, -EINVAL, "conflicting options: --privileged and --policy"),
				125));
	if (opts->policy)
		return chosen_policy(globals, opts, ret, err);
	TRY(recorded_ulimits(c, ret, err));
	if (opts->privileged)
		return policy_plan(globals, &privileged, &ret->policy, err);
	TRY(state_read_launch(c, &launch, err));
	return policy_from_json(json_get(launch, "policy"), &ret->policy, err);
}

/* Of the container itself: what this caller would get now may be something else. */
static bool has_single_id(pid_t pid)
{
	autofree char *path = xasprintf("/proc/%d/uid_map", (int)pid), *map = NULL;
	struct err ignored = ERR_INIT;
	unsigned inside, outside, count;

	return fs_read_at(AT_FDCWD, path, 4096, &map, NULL, &ignored) == 0 &&
	       sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && count == 1 &&
	       strchr(map, '\n') == strrchr(map, '\n');
}

static const char *or_record(const char *given, const struct container *c, const char *key)
{
	return given ? given : json_str(json_get(c->config, key), NULL);
}

static void tell(const struct globals *globals, const struct container *c, const char *action,
	const char *id, const char *code)
{
	struct json *more = json_new_map();

	json_put_string(more, "execID", id);
	if (code)
		json_put_string(more, "exitCode", code);
	event_container_with(globals, c, action, more);
}

/* 137 as of any that is killed, when the time is over. */
static int run_timed(const struct exec_spec *spec, int64_t timeout_ms, struct err *err)
{
	struct health_result result = { 0 };

	/* X03, as exec_run() */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_sys(err, "prctl");
	TRY(health_run(spec, timeout_ms, &result, err));
	return result.exit_code < 0 ? 128 + SIGKILL : result.exit_code;
}

/* Docker's events; that one in the background has ended is not told. timeout_ms 0: none. */
static int run_and_tell(const struct globals *globals, const struct container *c,
	const struct exec_spec *spec, int64_t timeout_ms, struct err *err)
{
	autobuf struct buf made = BUF_INIT, begun = BUF_INIT;
	char id[65], code[16];
	int r;

	state_new_id(id);
	buf_adds(&made, "exec_create:");
	buf_adds(&begun, "exec_start:");
	strv_each (word, spec->argv) {
		buf_addf(&made, " %s", *word);
		buf_addf(&begun, " %s", *word);
	}
	tell(globals, c, made.data, id, NULL);
	tell(globals, c, begun.data, id, NULL);
	r = timeout_ms ? run_timed(spec, timeout_ms, err) : exec_run(spec, err);
	(void)snprintf(code, sizeof(code), "%d", r >= 0 ? r : err->exit ? err->exit : 125);
	if (!spec->detach)
		tell(globals, c, "exec_die", id, code);
	return r;
}

static int run_in(const struct globals *globals, struct container *c, const struct exec_opts *opts,
	struct how how, struct err *err)
{
	autostrv struct strv env = STRV_INIT, groups = STRV_INIT;
	__attribute__((cleanup(rights_done))) struct rights rights = { 0 };
	autofd int pidfd = -EBADF;
	struct exec_spec spec = { .argv = &opts->command, .env = &env, .group_add = &groups };

	TRY(check(opts, c, err));
	pidfd = state_pidfd(c->pid, c->pid_start, err);
	if (pidfd == -ESRCH)
		return err_exit(err, 1);
	if (pidfd < 0 && pidfd != -ENOSYS)
		return pidfd;
	*err = (struct err)ERR_INIT;
	TRY(plan_rights(globals, opts, c, &rights, err));
	if (has_single_id(c->pid) && policy_can_answer())
		policy_identity(&rights.policy);
	plan_env(opts, c, &env);
	json_strv(json_get(c->config, "groupAdd"), &groups);
	spec.keep_groups = (enum keep_groups)json_int(json_get(c->config, "keepGroups"), 0);
	spec.pidfd = pidfd;
	spec.pid = c->pid;
	spec.cgroup = c->cgroup;
	spec.user = or_record(opts->user, c, "user");
	spec.workdir = or_record(opts->workdir, c, "workdir");
	spec.umask = json_str(json_get(c->config, "umask"), NULL);
	spec.policy = &rights.policy;
	spec.ulimits = rights.ulimits;
	spec.n_ulimits = rights.n_ulimits;
	spec.interactive = opts->interactive;
	spec.tty = opts->tty;
	spec.detach = opts->detach;
	spec.detach_keys = opts->detach_keys;
	spec.typed = how.typed;
	return run_and_tell(globals, c, &spec, how.timeout_ms, err);
}

int container_exec(const struct globals *globals, struct container *c, const struct exec_opts *opts,
	char **typed, struct err *err)
{
	return run_in(globals, c, opts, (struct how){ .typed = typed }, err);
}

int container_check(const struct globals *globals, struct container *c,
	const struct exec_opts *opts, int64_t timeout_ms, struct err *err)
{
	return run_in(globals, c, opts, (struct how){ .timeout_ms = timeout_ms }, err);
}

int cmd_exec(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(exec_opts_done))) struct exec_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;

	TRY(exec_opts_parse(argc, argv, &opts, err));
	inherited_drop(argv);
	if (state_open(globals, opts.container, &c, err) < 0)
		return err_exit(err, 1);
	return container_exec(globals, &c, &opts, argv + 1, err);
}
