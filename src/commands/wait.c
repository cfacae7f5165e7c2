/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait: blocks until containers end and prints their exit codes. A container with --rm takes its
 * record with it when it ends, so its monitor is asked for the status over the attach socket.
 */
#include "commands/commands.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "process/attach.h"

/* 1 and the status, or 0: the monitor went without telling. */
static int ask_monitor(const struct container *c, int *ret_status, struct err *err)
{
	autofd int sock = state_connect(c, err);
	autofree char *packet = xmalloc(ATTACH_MAX);
	ssize_t n;

	if (sock < 0)
		return 0;
	while ((n = recv(sock, packet, ATTACH_MAX, 0)) > 0 || (n < 0 && errno == EINTR)) {
		if (n != 1 + (ssize_t)sizeof(*ret_status) || packet[0] != ATTACH_EXIT)
			continue;
		memcpy(ret_status, packet + 1, sizeof(*ret_status));
		return 1;
	}
	return 0;
}

static int wait_one(void *data, const char *name, struct err *err)
{
	const struct globals *globals = data;
	autocontainer struct container c = CONTAINER_INIT;
	struct err ignored = ERR_INIT;
	char text[16];
	int r = 0;

	TRY(state_open(globals, name, &c, err));
	if (container_up(&c) && json_bool(json_get(c.config, "autoRemove"), false))
		r = ask_monitor(&c, &c.exit_code, &ignored);
	if (r == 0)
		TRY(r = container_wait_end(globals, &c, -1, err));
	else
		r = 0;
	if (r == 1) /* never invent a status */
		return err_set(err, -ENOENT,
			"container %s was removed before its exit code could be read", name);
	snprintf(text, sizeof(text), "%d", c.exit_code);
	return out_line(text, err);
}

int cmd_wait(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(wait_opts_done))) struct wait_opts opts = { 0 };

	TRY(wait_opts_parse(argc, argv, &opts, err));
	return for_each_operand(&opts.containers, wait_one, globals);
}
