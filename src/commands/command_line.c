/* SPDX-License-Identifier: Apache-2.0 */
/* What is executed in a container, and its environment: image config and options together, by
 * Docker's rules (an --entrypoint resets the image's Cmd; -e beats Env). Pure. */
#include "commands/launch.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void plan_argv(struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;
	const struct image *image = &launch->image;

	strv_done(&launch->argv);
	if (!opts->entrypoint)
		strv_extend(&launch->argv, &image->entrypoint);
	else if (*opts->entrypoint)
		strv_add(&launch->argv, opts->entrypoint);
	if (opts->command.n)
		strv_extend(&launch->argv, &opts->command);
	else if (!opts->entrypoint)
		strv_extend(&launch->argv, &image->cmd);
}

static bool is_unset(const struct run_opts *opts, const char *assignment)
{
	size_t len = strcspn(assignment, "=");

	strv_each (name, &opts->unsetenv)
		if (strlen(*name) == len && memcmp(*name, assignment, len) == 0)
			return true;
	return opts->unsetenv_all;
}

/* What nobody asked for: sbx's own variables and the image's. */
static void plan_default_env(struct launch *launch)
{
	strv_add(&launch->env, DEFAULT_PATH);
	strv_addf(&launch->env, "HOSTNAME=%s", launch->hostname);
	if (launch->opts.tty)
		strv_add(&launch->env, "TERM=xterm");
	strv_each (item, &launch->image.env)
		if (strchr(*item, '=') && **item != '=') /* J01: never filled from the host */
			strv_add(&launch->env, *item);
}

static void plan_env(struct launch *launch)
{
	autostrv struct strv given = STRV_INIT;

	strv_done(&launch->env);
	plan_default_env(launch);
	strv_each (item, &launch->env)
		if (!is_unset(&launch->opts, *item))
			strv_add(&given, *item);
	strv_set(&launch->env, given.v);
	env_override(&launch->env, &launch->opts.env);
}

int launch_command(struct launch *launch, struct err *err)
{
	plan_argv(launch);
	plan_env(launch);
	if (launch->argv.n == 0)
		return err_exit(err,
			(err_set(err, -EINVAL,
				 "no command specified: the image has neither Cmd nor Entrypoint; name one "
				 "after it: sbx run %s COMMAND",
				 launch->opts.image),
				125));
	return 0;
}
