/* SPDX-License-Identifier: Apache-2.0 */
/*
 * healthcheck run: a container's own check once, now, without its output, for as long as the check may
 * take; container exists. What the
 * monitor has found, and `inspect` shows, does not change.
 */
#include "commands/commands.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

#define DEFAULT_MS 30000 /* Docker's */

/* The check's words, as launch_health_spec() reads them. */
static int test_of(const struct container *c, struct strv *ret, struct err *err)
{
	autostrv struct strv words = STRV_INIT;

	json_strv(json_path(c->config, "health", "Test", NULL), &words);
	if (words.n < 2)
		return err_set(err, -ENOENT, "container %s has no defined healthcheck", c->id);
	if (strcmp(words.v[0], "CMD-SHELL") == 0) {
		strv_add(ret, "/bin/sh");
		strv_add(ret, "-c");
	}
	for (size_t i = 1; i < words.n; i++)
		strv_add(ret, words.v[i]);
	return 0;
}

/* Of the record; one of an earlier version may have none. */
static int64_t timeout_of(const struct container *c)
{
	int64_t ms = json_int(json_path(c->config, "health", "Timeout", NULL), 0) / 1000000;

	return ms > 0 ? ms : DEFAULT_MS;
}

int cmd_healthcheck_run(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(names_opts_done))) struct names_opts opts = { .names = STRV_INIT };
	__attribute__((cleanup(exec_opts_done))) struct exec_opts exec = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	int r;

	(void)argc;
	TRY(healthcheck_opts_parse(argv, &opts, err));
	TRY(state_open(globals, opts.names.v[0], &c, err));
	TRY(test_of(&c, &exec.command, err));
	r = container_check(globals, &c, &exec, timeout_of(&c), err);
	if (r < 0 && err->exit != 126 && err->exit != 127)
		return err_exit(err, 125);
	if (r == 0)
		return 0;
	*err = (struct err)ERR_INIT;
	TRY(out_line("unhealthy", err));
	return 1;
}

int cmd_container_exists(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(names_opts_done))) struct names_opts opts = { .names = STRV_INIT };
	autocontainer struct container c = CONTAINER_INIT;
	struct err none = ERR_INIT;
	int r;

	(void)argc;
	TRY(container_exists_opts_parse(argv, &opts, err));
	r = state_open(globals, opts.names.v[0], &c, &none);
	if (r < 0 && r != -ENOENT)
		*err = none;
	return r == -ENOENT ? 1 : r;
}
