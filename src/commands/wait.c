/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wait: blocks until containers end and prints their exit codes. A container with --rm takes its
 * record with it when it ends, so its monitor is asked for the status over the attach socket.
 */
#include "commands/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"
#include "process/attach.h"

#define LOOK_MS 500

struct conditional {
	const struct globals *globals;
	const struct wait_opts *opts;
};

static const char *exit_text(const struct container *c, char ret[16])
{
	snprintf(ret, 16, "%d", c->exit_code);
	return ret;
}

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
	return out_line(exit_text(&c, text), err);
}

static bool holds(const struct container *c, const struct strv *conditions)
{
	char health[16];

	strv_each (want, conditions) {
		if (strcmp(*want, state_status_name(c->status)) == 0 ||
			strcmp(*want, container_health_name(c, health)) == 0)
			return true;
		if (strcmp(*want, "stopped") == 0 && c->status == STATUS_EXITED)
			return true;
	}
	return false;
}

/* A change of the container's state, health or notes, or that it may have gone unseen. */
static int await_change(const struct container *c, int watching, struct err *err)
{
	struct pollfd poller = { watching, POLLIN, 0 };
	char changes[4096];

	(void)inotify_add_watch(watching, c->path, IN_MOVED_TO | IN_DELETE_SELF);
	(void)inotify_add_watch(
		watching, c->run_path, IN_MOVED_TO | IN_DELETE); /* once it is there */
	if (poll(&poller, 1, LOOK_MS) < 0 && errno != EINTR)
		return err_sys(err, "wait for container %s", c->name);
	while (read(watching, changes, sizeof(changes)) > 0)
		; /* what changed does not matter */
	return 0;
}

static int wait_for_one(void *data, const char *name, struct err *err)
{
	const struct conditional *w = data;
	autocontainer struct container c = CONTAINER_INIT;
	autofd int watching = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (watching < 0)
		return err_sys(err, "inotify");
	TRY(state_open(w->globals, name, &c, err));
	while (!holds(&c, &w->opts->conditions)) {
		struct err gone = ERR_INIT;

		TRY(await_change(&c, watching, err));
		if (state_refresh(w->globals, &c, &gone) < 0) {
			if (gone.code == -ENOENT && strv_has(&w->opts->conditions, "removed"))
				break;
			*err = gone;
			return err->code;
		}
	}
	return out_line(c.status == STATUS_EXITED ? exit_text(&c, (char[16]){ 0 }) : "-1", err);
}

int cmd_wait(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(wait_opts_done))) struct wait_opts opts = { 0 };
	struct conditional conditional = { globals, &opts };

	TRY(wait_opts_parse(argc, argv, &opts, err));
	if (opts.conditions.n)
		return for_each_operand(&opts.containers, wait_for_one, &conditional);
	return for_each_operand(&opts.containers, wait_one, globals);
}
