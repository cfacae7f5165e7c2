/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update: other limits or another restart policy, for a running container at once. The options are written
 * over those in the record's "args", which the next start parses again, and over what inspect shows.
 */
#include "commands/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "process/process.h"

struct updating {
	const struct globals *globals;
	const struct update_opts *opts;
};

static bool same_option(const char *have, const char *given)
{
	size_t len = strcspn(given, "=");

	return strncmp(have, given, len) == 0 && have[len] == '=';
}

/* given is "--name=value": in front of the others, in the place of one of that name. */
static void put_args(struct json *config, const struct strv *given)
{
	autostrv struct strv before = STRV_INIT, after = STRV_INIT;

	json_strv(json_get(config, "args"), &before);
	strv_each (g, given)
		strv_add(&after, *g);
	strv_each (b, &before) {
		bool replaced = false;

		strv_each (g, given)
			replaced |= same_option(*b, *g);
		if (!replaced)
			strv_add(&after, *b);
		if (strncmp(*b, "--", 2) != 0) { /* the image: what follows is its command */
			for (char **rest = b + 1; *rest; rest++)
				strv_add(&after, *rest);
			break;
		}
	}
	json_put(config, "args", json_new_strv(&after));
}

static int check_restart(const struct container *c, const struct update_opts *opts, struct err *err)
{
	if (opts->run.restart && strcmp(opts->run.restart, "no") != 0 &&
		json_bool(json_get(c->config, "autoRemove"), false))
		return err_set(err, -EINVAL,
			"Restart policy cannot be updated because AutoRemove is enabled for the "
			"container");
	return 0;
}

/* What the next start will read: refused now rather than then. Into *ret, which is the caller's to free. */
static int check_args(
	const struct container *c, const struct strv *given, struct run_opts *ret, struct err *err)
{
	autojson struct json *config = json_new_map();
	autostrv struct strv argv = STRV_INIT;

	json_put(config, "args", json_ref(json_get(c->config, "args")));
	put_args(config, given);
	strv_add(&argv, "run");
	json_strv(json_get(config, "args"), &argv);
	return run_opts_parse((int)argv.n, argv.v, ret, err);
}

/* Swap is told together with memory and kept apart by the kernel: one of both does not do. */
static struct limits with_memory(const struct limits *given, const struct limits *all)
{
	struct limits l = *given;

	if (l.memory || l.memory_swap) {
		l.memory = all->memory;
		l.memory_swap = all->memory_swap;
	}
	return l;
}

static void put_shown(struct json *config, const struct run_opts *o)
{
	autojson struct json *given = limits_record(&o->limits);
	struct json *limits = json_get(config, "limits");

	if (json_kind(limits) != JSON_MAP) {
		limits = json_new_map();
		json_put(config, "limits", limits);
	}
	json_each (it, given)
		json_put(limits, it.key, json_ref(it.value));
	if (o->restart) {
		json_put_string(config, "restart", o->restart);
		json_put_int(config, "restartMax", o->restart_max);
	}
}

static int apply_now(const struct container *c, const struct limits *limits, struct err *err)
{
	autofd int dir = -EBADF;

	if (!container_up(c) || !cgroup_wanted(limits))
		return 0;
	if (!c->cgroup || !*c->cgroup)
		return err_id(err, -EPERM, "E-LIMIT",
			"container %s runs without a cgroup of its own, so its limits cannot be "
			"changed now. Stop it, update it, start it",
			c->name);
	dir = open(c->cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open '%s'", c->cgroup);
	return cgroup_write(dir, limits, err);
}

static int change(void *data, struct json *config, struct err *err)
{
	const struct update_opts *opts = data;

	put_args(config, &opts->given);
	put_shown(config, &opts->run);
	return 0;
}

static int update_one(void *data, const char *name, struct err *err)
{
	const struct updating *updating = data;
	autocontainer struct container c = CONTAINER_INIT;
	autorunopts struct run_opts after = { 0 };
	struct limits limits;
	autofd int lock = -EBADF;

	TRY(state_open(updating->globals, name, &c, err));
	lock = state_lock(&c, err);
	TRY(lock);
	TRY(state_reload(&c, err));
	TRY(check_restart(&c, updating->opts, err));
	TRY(check_args(&c, &updating->opts->given, &after, err));
	limits = with_memory(&updating->opts->run.limits, &after.limits);
	TRY(apply_now(&c, &limits, err));
	TRY(state_change_config(&c, change, (void *)updating->opts, err));
	event_container(updating->globals, &c, "update", NULL, NULL);
	return out_line(name, err);
}

int cmd_update(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(update_opts_done))) struct update_opts opts = { 0 };
	struct updating updating = { globals, &opts };

	TRY(update_opts_parse(argc, argv, &opts, err));
	return for_each_operand(&opts.containers, update_one, &updating);
}
