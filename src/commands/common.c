/* SPDX-License-Identifier: Apache-2.0 */
/* What several commands do with containers: walking operands, and ending a container for certain. */
#include "commands/common.h"

#include <errno.h>
#include <signal.h>

#include "base/log.h"
#include "base/own.h"

#define STEP_MS    2
#define SETTLE_MS  15000 /* from the end of the payload to the monitor's last word */
#define KILLING_MS 4000  /* the same when nobody cares for the last word */

int for_each_operand(const struct strv *operands, operand_fn fn, void *data)
{
	int status = 0;

	strv_each (name, operands) {
		struct err err = ERR_INIT;

		if (fn(data, *name, &err) < 0) {
			log_err(&err);
			status = 1;
		}
	}
	return status;
}

bool container_up(const struct container *c)
{
	return c->status == STATUS_RUNNING || c->status == STATUS_PAUSED ||
	       c->status == STATUS_RESTARTING;
}

/* The payload has ended; its monitor now writes that down, or dies and is repaired. */
static int wait_settled(
	const struct globals *globals, struct container *c, int64_t timeout_ms, struct err *err)
{
	for (int64_t waited = 0;; waited += STEP_MS) {
		struct err ignored = ERR_INIT;
		int r = state_refresh(globals, c, err);

		if (r == -ENOENT)
			return 1;
		if (r < 0 || !container_up(c))
			return r;
		if (c->status == STATUS_RESTARTING && state_stop_asked(c) == STOP_NOT_ASKED)
			return 0; /* over for now; a wish to stop will make that for good */
		if (waited >= timeout_ms)
			return err_set(err, -ETIMEDOUT,
				"container %s has ended, but its monitor (pid %d) does not say so",
				c->name, (int)c->monitor);
		(void)state_wait_gone(c->monitor, c->monitor_start, STEP_MS, &ignored);
	}
}

int container_wait_end(
	const struct globals *globals, struct container *c, int64_t timeout_ms, struct err *err)
{
	if (!container_up(c))
		return 0;
	if (c->pid > 0)
		TRY(state_wait_gone(c->pid, c->pid_start, timeout_ms, err));
	return wait_settled(globals, c, SETTLE_MS, err);
}

static int end_monitor(const struct globals *globals, struct container *c, struct err *err)
{
	int r = state_signal(c->monitor, c->monitor_start, SIGKILL, err);

	if (r < 0 && r != -ESRCH)
		return r;
	TRY(state_wait_gone(c->monitor, c->monitor_start, KILLING_MS, err));
	return wait_settled(globals, c, 0, err);
}

int container_kill(const struct globals *globals, struct container *c, struct err *err)
{
	struct err over = ERR_INIT;
	int r = c->pid > 0 ? state_signal(c->pid, c->pid_start, SIGKILL, &over) : 0;

	if (r < 0 && r != -ESRCH) { /* else it has just ended by itself */
		*err = over;
		return r;
	}
	r = c->pid > 0 ? state_wait_gone(c->pid, c->pid_start, KILLING_MS, err) : 0;
	if (r == 0)
		r = wait_settled(globals, c, KILLING_MS, err);
	if (r != -ETIMEDOUT)
		return r;
	/* A stopped or hanging monitor cannot tell; without one the next look repairs the record. And a
	 * container that waits for a hanging file system server ends when that ends, with the monitor. */
	log_msg(LOG_WARN, "%s; ending the monitor", err->text);
	return end_monitor(globals, c, err);
}

bool container_uses_image(const struct container *c, const char *image_id)
{
	if (strcmp(json_str(json_get(c->config, "imageId"), ""), image_id) == 0)
		return true;
	json_each (it, json_get(c->config, "mounts"))
		if (strcmp(json_str(json_get(it.value, "imageId"), ""), image_id) == 0)
			return true;
	return false;
}

void container_all_layers(const struct container *c, struct strv *ret)
{
	autostrv struct strv layers = STRV_INIT;

	json_strv(json_get(c->config, "layers"), &layers);
	strv_extend(ret, &layers);
	json_each (it, json_get(c->config, "mounts")) {
		strv_done(&layers);
		json_strv(json_get(it.value, "layers"), &layers);
		strv_extend(ret, &layers);
	}
}
