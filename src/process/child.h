/* SPDX-License-Identifier: Apache-2.0 */
/* The container's side of its start; mirrors parent.h. */
#ifndef SBX_PROCESS_CHILD_H
#define SBX_PROCESS_CHILD_H

#include "process/process.h"

struct child_fds {
	int sock;         /* handshake */
	int in, out, err; /* what becomes 0, 1, 2; unused with a tty */
};

/* In the cloned process; ends in execve or _exit. Never prints: errors travel over the handshake. */
_Noreturn void child_main(const struct process_spec *spec, const struct child_fds *fds);

/* Pid 1 for --init: passes signals on, reaps orphans, exits with the payload's status. */
_Noreturn void init_main(pid_t payload);

#endif
