/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks of the kind createContainer (OCI runtime spec 1.1, "POSIX-platform Hooks"), which descriptions
 * of devices bring along (options/cdi.h): programs of the host, run in the child once the container's
 * mounts are there and before its root is entered, as root of its user namespace and with nothing else.
 */
#ifndef SBX_PROCESS_HOOK_H
#define SBX_PROCESS_HOOK_H

#include "base/err.h"
#include "process/process.h"

/* In order. root: the container's, attached somewhere. A hook that fails, or takes longer than its time,
 * is an error. */
int hooks_run(const struct process_spec *spec, int root, struct err *err);

#endif
