/* SPDX-License-Identifier: Apache-2.0 */
/* A container's processes held still for a moment, so that a copy of its files is of one time. */
#ifndef SBX_COMMANDS_FREEZE_H
#define SBX_COMMANDS_FREEZE_H

#include "state/state.h"

/* Stops all processes of a running container and starts a guard that continues them when the returned
 * descriptor is closed: by the caller, or by its death. */
int freeze_start(const struct container *c, struct err *err);

/* What a running container has written and the kernel still holds back, because its file system is
 * served by a process, goes to the container's directory. Nothing for other containers. */
int freeze_flush(const struct container *c, struct err *err);

/* `pause`: stops all processes of a running container, for as long as nobody releases them. Without the
 * kernel's freezer that is SIGSTOP: parents inside can see it, and a SIGCONT from inside undoes it. */
int freeze_hold(const struct container *c, struct err *err);
void freeze_release(const struct container *c);

/* Waits until they go on. */
void freeze_end(int *fd);

#endif
