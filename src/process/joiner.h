/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process between us and the one we want: it joins namespaces, and what it clones there is in them
 * from birth (setns(2): a pid namespace is entered by children only). It ends at once.
 */
#ifndef SBX_PROCESS_JOINER_H
#define SBX_PROCESS_JOINER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct joiner {
	pid_t pid;
	int fd; /* of the pipe: to write the report in the joiner, to read it in us */
};

/* As fork(2): 0 in the joiner, which must end with _exit(). */
pid_t joiner_fork(struct joiner *ret, struct err *err);

/* Reads the report and reaps the joiner; false when it died without a whole one. */
bool joiner_hear(struct joiner *joiner, void *report, size_t size);

#endif
