/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks up stored logins for a process that has locked itself in: that can neither read the files of
 * other programs' making at leisure nor start a credential helper. The agent is forked before; it knows
 * for which registries it may be asked, and the question is a number. It ends with its asker.
 */
#ifndef SBX_IMAGE_AGENT_H
#define SBX_IMAGE_AGENT_H

#include <sys/types.h>

#include "base/err.h"
#include "image/creds.h"
#include "image/mirrors.h"

struct agent {
	pid_t pid; /* 0 = none */
	int sock;
};

/* For the repository `path` on any of these; both borrowed during the call. */
int agent_start(
	const struct endpoints *endpoints, const char *path, struct agent *ret, struct err *err);
/* creds_find() for endpoint `at`: 1 found, 0 none. */
int agent_ask(const struct agent *agent, size_t at, struct creds *ret, struct err *err);
void agent_stop(struct agent *agent); /* nothing when there is none */

#endif
