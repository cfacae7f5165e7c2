/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start: runs a stopped container again. Its options are the ones it was made with (kept as typed in
 * config.json), planned anew, because ports and addresses belong to a run and not to a container; its
 * files, name, id and image stay.
 */
#include "commands/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/self.h"
#include "commands/common.h"
#include "commands/launch.h"
#include "commands/output.h"
#include "options/verbs.h"

struct starting {
	struct globals *globals;
	const struct start_opts *opts;
};

static int parse_again(struct launch *launch, struct err *err)
{
	autostrv struct strv argv = STRV_INIT;
	const char *network;

	strv_add(&argv, "run");
	json_strv(json_get(launch->container.config, "args"), &argv);
	TRY(run_opts_parse((int)argv.n, argv.v, &launch->opts, err));
	network = json_str(json_get(launch->container.config, "network"), "");
	if (!strncmp(network, "container:", strlen("container:"))) { /* by id: names move on */
		free(launch->opts.network);
		launch->opts.network = strdup(network);
	}
	launch->opts.remove = json_bool(json_get(launch->container.config, "autoRemove"), false);
	return 0;
}

/* Not what the name means today, but the image that it was made of. */
static int same_image(struct launch *launch, struct err *err)
{
	const char *id = json_str(json_get(launch->container.config, "imageId"), "");

	return image_resolve(launch->globals, id, &launch->image, err);
}

static int begin(
	struct launch *launch, const struct start_opts *opts, int *ret_client, struct err *err)
{
	autofd int lock = state_lock(&launch->container, err);
	char first;

	TRY(lock);
	TRY(state_refresh(launch->globals, &launch->container, err));
	if (container_up(&launch->container))
		return 1;
	TRY(parse_again(launch, err));
	launch->opts.interactive = launch->opts.interactive && (opts->interactive || !opts->attach);
	TRY(same_image(launch, err));
	snprintf(launch->id, sizeof(launch->id), "%s", launch->container.id);
	if (launch->opts.init)
		TRY(self_seal(true, err));
	TRY(launch_plan(launch, err));
	TRY(launch_go(launch, ret_client, err));
	/* Until it runs or has failed nobody else may start it. The monitor inherited the lock with the
	 * descriptor, so closing ours would not release it. */
	while (recv(*ret_client, &first, sizeof(first), MSG_PEEK) < 0 && errno == EINTR)
		;
	(void)flock(lock, LOCK_UN);
	return 0;
}

static int attend(struct launch *launch, const struct start_opts *opts, int client, struct err *err)
{
	int r;

	if (opts->detach_keys) {
		free(launch->opts.detach_keys);
		launch->opts.detach_keys = strdup(opts->detach_keys);
	}
	launch->opts.interactive = opts->interactive;
	r = launch_attend(launch, client, !opts->attach && !opts->interactive, err);
	return r == CLIENT_DETACHED ? 0 : r;
}

static int start_one(void *data, const char *name, struct err *err)
{
	const struct starting *starting = data;
	autolaunch struct launch launch = LAUNCH_INIT;
	autofd int client = -EBADF;
	int r;

	launch.globals = starting->globals;
	TRY(state_open(launch.globals, name, &launch.container, err));
	r = begin(&launch, starting->opts, &client, err);
	TRY(r);
	if (r == 0)
		r = attend(&launch, starting->opts, client, err);
	TRY(r);
	if (starting->opts->attach || starting->opts->interactive)
		return r;
	return out_line(name, err);
}

int cmd_start(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(start_opts_done))) struct start_opts opts = { 0 };
	struct starting starting = { globals, &opts };

	TRY(start_opts_parse(argc, argv, &opts, err));
	if (!opts.attach && !opts.interactive)
		return for_each_operand(&opts.containers, start_one, &starting);
	if (opts.containers.n > 1)
		return err_set(
			err, -EINVAL, "you cannot start and attach multiple containers at once");
	return start_one(&starting, opts.containers.v[0], err);
}
