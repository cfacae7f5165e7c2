/* SPDX-License-Identifier: Apache-2.0 */
/* What a running container uses now: from its cgroup, or summed up over its processes in /proc. */
#ifndef SBX_COMMANDS_USAGE_H
#define SBX_COMMANDS_USAGE_H

#include <stdint.h>

#include "state/state.h"

struct usage {
	int64_t when;          /* ns since the epoch */
	int64_t cpu;           /* ns, since it began */
	int64_t memory, limit; /* bytes; limit is the machine's memory where there is none */
	int64_t pids;
	int64_t received, sent; /* bytes over all interfaces but lo */
	int64_t read, written;  /* bytes of files; 0 where it cannot be known */
};

/* -ESRCH: it has ended. */
int usage_read(const struct container *c, struct usage *ret, struct err *err);

/* Of "/proc/PID/net/dev". Pure. */
void usage_net(const char *text, struct usage *usage);
/* Of a cgroup's "io.stat". Pure. */
void usage_io(const char *text, struct usage *usage);

#endif
