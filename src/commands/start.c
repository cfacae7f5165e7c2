/* SPDX-License-Identifier: Apache-2.0 */
/* start: runs a stopped container again; launch_again.c says as what. */
#include "commands/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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
	bool quiet; /* does not print the name */
};

/* 1: it runs already. */
static int begin(struct launch *launch, int *ret_client, struct err *err)
{
	launch->lock = state_lock(&launch->container, err);
	TRY(launch->lock);
	TRY(state_reload(&launch->container, err));
	if (container_up(&launch->container))
		return 1;
	TRY(launch_again(launch, err));
	return launch_go(launch, ret_client, err);
}

static int attend(struct launch *launch, const struct start_opts *opts, int client, struct err *err)
{
	int r;

	if (opts->detach_keys) {
		free(launch->opts.detach_keys);
		launch->opts.detach_keys = strdup(opts->detach_keys);
	}
	r = launch_attend(launch, client, !opts->attach && !opts->interactive, err);
	return r == CLIENT_DETACHED ? 0 : r;
}

static int check_terminal(const struct launch *launch, struct err *err)
{
	const struct json *config = launch->container.config;

	if (launch->attach_in && json_bool(json_get(config, "tty"), false) && !isatty(STDIN_FILENO))
		return err_set(err, -ENOTTY, "the input device is not a TTY");
	return 0;
}

static int start_one(void *data, const char *name, struct err *err)
{
	const struct starting *starting = data;
	const struct start_opts *opts = starting->opts;
	bool attached = opts->attach || opts->interactive;
	autolaunch struct launch launch = LAUNCH_INIT;
	autofd int client = -EBADF;
	int r;

	launch.globals = starting->globals;
	TRY(state_open(launch.globals, name, &launch.container, err));
	launch.attach_in = opts->interactive &&
			   json_bool(json_get(launch.container.config, "openStdin"), false);
	TRY(check_terminal(&launch, err));
	r = begin(&launch, &client, err);
	TRY(r);
	if (r == 1 && attached)
		return err_set(err, -EALREADY,
			"container %s runs already; see it with: sbx attach %s", name, name);
	if (r == 0)
		TRY(r = attend(&launch, opts, client, err));
	return attached || starting->quiet ? r : out_line(name, err);
}

int container_start(struct globals *globals, const char *name, struct err *err)
{
	const struct start_opts opts = { 0 };
	struct starting starting = { globals, &opts, true };

	return start_one(&starting, name, err) < 0 ? err->code : 0;
}

/* Before the first is touched, because sealing begins the program anew. */
int container_seal(const struct globals *globals, const struct strv *names, struct err *err)
{
	strv_each (name, names) {
		autocontainer struct container c = CONTAINER_INIT;
		struct err later; /* said when its turn comes */

		if (state_open(globals, *name, &c, &later) == 0 &&
			json_bool(json_get(c.config, "init"), false))
			return self_seal(true, err);
	}
	return 0;
}

/* What was up before a reboot, or is to be up whatever happened; as Docker's daemon when it begins. */
static bool comes_back(const struct container *c)
{
	const char *policy = json_str(json_get(c->config, "restart"), "no");

	if (container_up(c) || !c->started)
		return false;
	return strcmp(policy, "always") == 0 ||
	       (strcmp(policy, "unless-stopped") == 0 && !c->stopped);
}

static int find_all(const struct globals *globals, struct strv *ret, struct err *err)
{
	struct container *list = NULL;
	size_t n = 0;

	TRY(state_list(globals, &list, &n, err));
	for (size_t i = n; i-- > 0;) /* oldest first */
		if (comes_back(&list[i]))
			strv_add(ret, list[i].name);
	state_list_free(list, n);
	return 0;
}

int cmd_start(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(start_opts_done))) struct start_opts opts = { 0 };
	struct starting starting = { globals, &opts, false };

	TRY(start_opts_parse(argc, argv, &opts, err));
	if (opts.all)
		TRY(find_all(globals, &opts.containers, err));
	TRY(container_seal(globals, &opts.containers, err));
	if (!opts.attach && !opts.interactive)
		return for_each_operand(&opts.containers, start_one, &starting);
	if (opts.containers.n > 1)
		return err_set(
			err, -EINVAL, "you cannot start and attach multiple containers at once");
	return start_one(&starting, opts.containers.v[0], err);
}
