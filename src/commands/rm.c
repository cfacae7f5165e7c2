/* SPDX-License-Identifier: Apache-2.0 */
/* rm: removes stopped containers; with -f it kills them first. */
#include "commands/commands.h"

#include <errno.h>

#include "base/log.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

#define TRIES 5

struct removing {
	const struct globals *globals;
	const struct rm_opts *opts;
};

/* 1: it has removed itself (--rm) */
static int end_it(const struct removing *rm, struct container *c, struct err *err)
{
	if (!container_up(c))
		return 0;
	if (!rm->opts->force)
		return err_set(err, -EBUSY,
			"cannot remove container \"%s\": container is running: stop the container before "
			"removing or force remove",
			c->name);
	TRY(state_ask_stop(rm->globals, c, true, err));
	return container_kill(rm->globals, c, err);
}

/* -EBUSY from the removal: somebody has started it after it was ended. */
static int end_and_remove(const struct removing *rm, struct container *c, struct err *err)
{
	int r;

	for (int i = 0;; i++) {
		r = end_it(rm, c, err);
		if (r != 0)
			return r < 0 ? r : 0;
		r = state_remove(rm->globals, c, rm->opts->volumes, err);
		if (r != -EBUSY || !rm->opts->force || i == TRIES)
			return r;
		r = state_refresh(rm->globals, c, err);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
	}
}

static int rm_one(void *data, const char *name, struct err *err)
{
	const struct removing *rm = data;
	autocontainer struct container c = CONTAINER_INIT;
	int r = state_open(rm->globals, name, &c, err);

	if (r == -ENOENT && rm->opts->force) {
		log_err(err); /* said, but no failure: what was asked for is the case */
		return 0;
	}
	TRY(r);
	TRY(end_and_remove(rm, &c, err));
	return out_line(name, err);
}

int container_force_remove(const struct globals *globals, const char *name, struct err *err)
{
	const struct rm_opts opts = { .force = true, .volumes = true };
	const struct removing rm = { globals, &opts };
	autocontainer struct container c = CONTAINER_INIT;
	int r = state_open(globals, name, &c, err);

	if (r == -ENOENT) {
		*err = (struct err)ERR_INIT;
		return 0;
	}
	TRY(r);
	return end_and_remove(&rm, &c, err);
}

int cmd_rm(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(rm_opts_done))) struct rm_opts opts = { 0 };
	struct removing rm = { globals, &opts };

	TRY(rm_opts_parse(argc, argv, &opts, err));
	return for_each_operand(&opts.containers, rm_one, &rm);
}
