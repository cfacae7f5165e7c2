/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx run`: the pipeline, top to bottom. Its first half, which is `sbx create`, is in create.c. */
#include "commands/commands.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/inherited.h"
#include "base/log.h"
#include "base/own.h"
#include "commands/launch.h"
#include "commands/output.h"

static int check_terminal(const struct run_opts *opts, struct err *err)
{
	if (opts->tty && opts->interactive && !opts->detach && !isatty(STDIN_FILENO))
		return err_exit(err, (err_set(err, -ENOTTY, "the input device is not a TTY"), 1));
	return 0;
}

/* On stderr: stdout is the program's. */
static void show_report(const struct launch *launch)
{
	autojson struct json *doc = NULL;
	autobuf struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	const char *lost;

	if (launch_report_read(launch->report, &doc, &err) < 0) {
		log_msg(LOG_WARN, "%s", err.text); /* the exit status is the program's */
		return;
	}
	lost = json_str(json_get(doc, "policyError"), NULL);
	if (lost)
		log_msg(LOG_WARN, "%s", lost);
	if (!launch->opts.report)
		return;
	report_print(doc, &out);
	(void)fs_write_all(STDERR_FILENO, out.data, out.len, &err); /* nowhere to complain */
}

int cmd_run(struct globals *globals, int argc, char **argv, struct err *err)
{
	autolaunch struct launch launch = LAUNCH_INIT;
	autofd int client = -EBADF;
	int r;

	launch.globals = globals;
	launch.typed = argv + 1;
	launch.by_run = true;
	TRY(run_opts_parse(argc, argv, &launch.opts, err));
	TRY(check_terminal(&launch.opts, err));
	TRY(inherited_keep((int)launch.opts.preserve_fds, err));
	launch.attach_in = launch.opts.interactive && !launch.opts.detach &&
			   (!launch.opts.attach_given || launch.opts.attach[STDIN_FILENO]);
	r = launch_create(&launch, err);
	if (r > 0)
		return 0;
	if (r == 0)
		r = launch_go(&launch, &client, err);
	if (r < 0) {
		struct err ignored;

		fd_drop(&launch.lock);
		if (launch.opts.remove &&
			launch.container.dir >= 0) /* the first error is the one to tell */
			(void)state_remove(globals, &launch.container, true, &ignored);
		return r;
	}
	r = launch_attend(&launch, client, launch.opts.detach, err);
	if (r >= 0 && r != CLIENT_DETACHED && launch_reports(&launch) && !launch.opts.detach)
		show_report(&launch);
	if (r >= 0 && launch.opts.detach)
		return out_line(launch.id, err);
	return r == CLIENT_DETACHED ? 0 : r;
}
