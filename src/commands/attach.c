/* SPDX-License-Identifier: Apache-2.0 */
/* attach: the terminal or the pipes of a running container's main process, shared with whoever has them
 * already. Ends with the container, whose exit status it passes on, or with the detach keys. */
#include "commands/commands.h"

#include <errno.h>
#include <unistd.h>

#include "base/own.h"
#include "commands/common.h"
#include "options/verbs.h"
#include "process/process.h"

static int check(const struct container *c, struct err *err)
{
	if (c->status == STATUS_PAUSED)
		return err_set(
			err, -EBUSY, "You cannot attach to a paused container, unpause it first");
	if (c->status == STATUS_RESTARTING)
		return err_set(err, -EBUSY,
			"You cannot attach to a restarting container, wait until it is running");
	if (!container_up(c))
		return err_set(
			err, -ESRCH, "You cannot attach to a stopped container, start it first");
	return 0;
}

static int serve(const struct globals *globals, const struct attach_opts *opts, struct container *c,
	struct err *err)
{
	bool in = !opts->no_stdin && json_bool(json_get(c->config, "openStdin"), false);
	bool tty = json_bool(json_get(c->config, "tty"), false);
	const struct client_opts attend = {
		.in = in ? STDIN_FILENO : -1,
		.out = STDOUT_FILENO,
		.err = STDERR_FILENO,
		.tty = tty,
		.sig_proxy = opts->sig_proxy && !tty,
		.detach_keys = opts->detach_keys,
	};
	autofd int sock = -EBADF;
	struct err gone = ERR_INIT;
	int r;

	if (tty && in && !isatty(STDIN_FILENO))
		return err_set(err, -ENOTTY, "the input device is not a TTY");
	sock = state_connect(c, err);
	TRY(sock);
	event_container(globals, c, "attach", NULL, NULL);
	r = client_run(sock, &attend, &gone);
	if (r == CLIENT_DETACHED)
		event_container(globals, c, "detach", NULL, NULL);
	if (r == CLIENT_DETACHED)
		return 0;
	if (r == -EPIPE && container_wait_end(globals, c, -1, err) == 0)
		return c->exit_code; /* it ended while we came */
	if (r < 0)
		*err = gone;
	return r;
}

int cmd_attach(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(attach_opts_done))) struct attach_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;

	TRY(attach_opts_parse(argc, argv, &opts, err));
	TRY(state_open(globals, opts.container, &c, err));
	TRY(check(&c, err));
	return serve(globals, &opts, &c, err);
}
