/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one member asked of the world, for `sbx logs --net`: lines of JSON in two files of its container, of which the
 * older is emptied when the newer is full (docs/formats.md). A line says what was decided, another with the same id how
 * it ended. Names are hostile bytes. A disk that is full costs lines, nothing else.
 */
#ifndef SBX_NETSTACK_NETLOG_H
#define SBX_NETSTACK_NETLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "netstack/egress.h"

#define NETLOG_FILE_MAX (4 * 1024 * 1024)

struct netlog {
	int fds[2]; /* append; -EBADF: nobody wants to know */
	int now;
	uint64_t last; /* id */
};

void netlog_init(struct netlog *log, int fds[2]); /* takes them over */
void netlog_done(struct netlog *log);

/* Returns the id for netlog_end(), 0 when there is no log. `refused`: it has no end to wait for. */
uint64_t netlog_begin(
	struct netlog *log, const struct egress_target *to, const char *name, bool refused);
/* verdict: "closed", "failed" (it never stood), "refused" (by what its first bytes said). */
void netlog_end(struct netlog *log, uint64_t id, const uint64_t bytes[2], const char *verdict);
/* The first bytes said this name. */
void netlog_name(struct netlog *log, uint64_t id, const char *name);
/* A question that was not let out. */
void netlog_question(struct netlog *log, const char *name);

#endif
