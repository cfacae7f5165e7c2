/* SPDX-License-Identifier: Apache-2.0 */
/* restart: stops containers that run, then starts them all; those with --rm are not removed between. */
#include "commands/commands.h"

#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

struct restarting {
	struct globals *globals;
	const struct stop_opts *opts;
};

static int restart_one(void *data, const char *name, struct err *err)
{
	const struct restarting *restarting = data;
	autocontainer struct container c = CONTAINER_INIT;

	if (state_open(restarting->globals, name, &c, err) < 0)
		return err_wrap(err, "cannot restart container %s", name);
	TRY(container_stop(restarting->globals, restarting->opts, &c, err));
	TRY(container_start(restarting->globals, c.id, err));
	event_container(restarting->globals, &c, "restart", NULL, NULL);
	return out_line(name, err);
}

int cmd_restart(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(stop_opts_done))) struct stop_opts opts = { 0 };
	struct restarting restarting = { globals, &opts };

	TRY(restart_opts_parse(argc, argv, &opts, err));
	TRY(container_seal(globals, &opts.containers, err));
	return for_each_operand(&opts.containers, restart_one, &restarting);
}
