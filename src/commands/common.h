/* SPDX-License-Identifier: Apache-2.0 */
/* What several commands do with containers. */
#ifndef SBX_COMMANDS_COMMON_H
#define SBX_COMMANDS_COMMON_H

#include "base/strv.h"
#include "state/state.h"

/* fn for every operand; errors are printed, the rest goes on. Returns 0, or 1 if any failed. */
typedef int (*operand_fn)(void *data, const char *name, struct err *err);
int for_each_operand(const struct strv *operands, operand_fn fn, void *data);

bool container_up(const struct container *c); /* running or paused */

/* Waits until the record says that it does not run any more. 0; 1: it has been removed meanwhile
 * (--rm); -ETIMEDOUT. timeout_ms -1 = for ever. */
int container_wait_end(
	const struct globals *globals, struct container *c, int64_t timeout_ms, struct err *err);
/* SIGKILL, then waits. Also ends a monitor that hangs. Result as above. */
int container_kill(const struct globals *globals, struct container *c, struct err *err);

/* Sizes in bytes: the container's own layer, and the image's layers below it. */
int container_size(const struct globals *globals, const struct container *c, int64_t *ret_own,
	int64_t *ret_image, struct err *err);

/* docker inspect's object; size: with SizeRw and SizeRootFs. */
int container_inspect(const struct globals *globals, const struct container *c, bool size,
	struct json **ret, struct err *err);

/* "0.0.0.0:8000-8001->80-81/tcp, 6379/tcp" of a container's record, as `docker ps`. */
struct buf;
void ports_text(const struct container *c, struct buf *out);

/* ps --filter. Same key: any, labels: all; different keys: all. */
struct ps_filter;
int ps_filter_new(const struct globals *globals, const struct strv *filters, struct ps_filter **ret,
	struct err *err);
void ps_filter_free(struct ps_filter *filter);
bool ps_filter_match(const struct ps_filter *filter, const struct container *c);
bool ps_filter_asks_stopped(const struct ps_filter *filter); /* status, exited: implies -a */

/* One row of ps, and its "methods" (Label). size: NULL if not asked. */
struct json *ps_row(const struct container *c, bool no_trunc, const char *size);
struct json *ps_methods(const struct container *c);
struct json *ps_titles(void);
void container_status_text(const struct container *c, int64_t now, struct buf *out);

#endif
