/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause and unpause. A container with a cgroup of its own is frozen by the kernel; others have all their
 * processes stopped (freeze.h). The note comes before the stop and goes after the continuation: who dies
 * between leaves a container that says paused, which unpause mends.
 */
#include "commands/commands.h"

#include <errno.h>

#include "base/own.h"
#include "commands/common.h"
#include "commands/freeze.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "process/process.h"

static bool has_cgroup(const struct container *c)
{
	return c->cgroup && *c->cgroup;
}

static int release(const struct container *c, struct err *err)
{
	if (has_cgroup(c))
		return cgroup_freeze(c->cgroup, false, err);
	freeze_release(c);
	return 0;
}

static int hold(const struct globals *globals, struct container *c, struct err *err)
{
	struct err ignored = ERR_INIT;

	TRY(state_set_paused(globals, c, true, err));
	if ((has_cgroup(c) ? cgroup_freeze(c->cgroup, true, err) : freeze_hold(c, err)) == 0)
		return 0;
	(void)release(c, &ignored);
	(void)state_set_paused(
		globals, c, false, &ignored); /* the first error is the one to tell */
	return err->code;
}

int container_unpause(const struct globals *globals, struct container *c, struct err *err)
{
	TRY(release(c, err));
	TRY(state_set_paused(globals, c, false, err));
	c->status = STATUS_RUNNING;
	event_container(globals, c, "unpause", NULL, NULL);
	return 0;
}

static int pause_one(void *data, const char *name, struct err *err)
{
	const struct globals *globals = data;
	autocontainer struct container c = CONTAINER_INIT;
	autofd int lock = -EBADF;

	TRY(state_open(globals, name, &c, err));
	lock = state_lock(&c, err);
	TRY(lock);
	TRY(state_reload(&c, err));
	if (c.status == STATUS_PAUSED)
		return err_set(err, -EALREADY, "Container %s is already paused", name);
	if (c.status == STATUS_RESTARTING)
		return err_set(err, -EBUSY,
			"Container %s is restarting, wait until the container is running", name);
	if (!container_up(&c))
		return err_set(err, -ESRCH, "Container %s is not running", name);
	TRY(hold(globals, &c, err));
	event_container(globals, &c, "pause", NULL, NULL);
	return out_line(name, err);
}

static int unpause_one(void *data, const char *name, struct err *err)
{
	const struct globals *globals = data;
	autocontainer struct container c = CONTAINER_INIT;
	autofd int lock = -EBADF;

	TRY(state_open(globals, name, &c, err));
	lock = state_lock(&c, err);
	TRY(lock);
	TRY(state_reload(&c, err));
	if (c.status != STATUS_PAUSED)
		return err_set(err, -EINVAL, "Container %s is not paused", name);
	TRY(container_unpause(globals, &c, err));
	return out_line(name, err);
}

int cmd_pause(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(pause_opts_done))) struct pause_opts opts = { 0 };

	TRY(pause_opts_parse(argc, argv, &opts, err));
	return for_each_operand(&opts.containers, pause_one, globals);
}

int cmd_unpause(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(pause_opts_done))) struct pause_opts opts = { 0 };

	TRY(unpause_opts_parse(argc, argv, &opts, err));
	return for_each_operand(&opts.containers, unpause_one, globals);
}
