/* SPDX-License-Identifier: Apache-2.0 */
/* The dangerous half of `exec`: a process of ours enters a container and becomes one of its own. */
#ifndef SBX_PROCESS_EXEC_JOIN_H
#define SBX_PROCESS_EXEC_JOIN_H

#include "process/exec.h"
#include "process/parent.h"

/* Starts the payload; returns once it has been executed, or failed (then err says why, with exit status
 * 126 or 127 where Docker has it). *ret gets its pid, a child of the caller, and the other ends of its
 * stdio: pipes, the pty's master, or nothing with spec->detach. */
int exec_start(const struct exec_spec *spec, struct process *ret, struct err *err);

#endif
