/* SPDX-License-Identifier: Apache-2.0 */
/* How the container's init comes to be; parent.c's first step. */
#ifndef SBX_PROCESS_CLONE_H
#define SBX_PROCESS_CLONE_H

#include "process/child.h"

/* Forks the container's init, a child of the caller, into its user, pid and cgroup namespaces; it makes the others itself
 * (clone_unshare). `ours` is the parent's end
 * of the handshake, which the child closes. Without a shared network the user namespace is new and its
 * id maps are still empty; with one the init is root of the other container's user namespace, which owns
 * that network. *ret_pidfd stays as it is where the kernel has none. */
int clone_init(const struct process_spec *spec, const struct child_fds *fds, int ours,
	int *ret_pidfd, struct err *err);

/* The init's first act. E-USERNS-… as clone_init() has them. */
int clone_unshare(const struct process_spec *spec, struct err *err);

#endif
