/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unshare: a command (or a shell) as root of the user namespace that containers get, so that files of
 * sub-ids can be looked at, removed and given to others. A mount namespace of its own comes along.
 */
#include "commands/commands.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/userns.h"
#include "options/verbs.h"

/* Not userns_join(): the caller's groups keep their rights here. */
static int become_root(const struct idmap *map, struct err *err)
{
	autofd int userns = userns_open(map, err);

	TRY(userns);
	if (setns(userns, CLONE_NEWUSER) < 0 || unshare(CLONE_NEWNS) < 0)
		return userns_explain(errno, err);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, "become root of the user namespace");
	return 0;
}

int cmd_unshare(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(unshare_opts_done))) struct unshare_opts opts = { 0 };
	const char *shell = getenv("SHELL");
	struct idmap map;

	(void)globals;
	TRY(unshare_opts_parse(argc, argv, &opts, err));
	if (opts.command.n == 0)
		strv_add(&opts.command, shell && *shell == '/' ? shell : "/bin/sh");
	TRY(idmap_detect(&map, err));
	if (map.notice[0])
		log_msg(LOG_WARN, "%s", map.notice);
	TRY(become_root(&map, err));
	(void)execvp(opts.command.v[0], opts.command.v);
	(void)err_sys(err, "execute '%s'", opts.command.v[0]);
	return err_exit(err, err->code == -ENOENT ? 127 : 126);
}
