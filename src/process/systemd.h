/* SPDX-License-Identifier: Apache-2.0 */
/* The user's systemd, spoken to over its own socket in D-Bus's wire format; no bus daemon is needed. */
#ifndef SBX_PROCESS_SYSTEMD_H
#define SBX_PROCESS_SYSTEMD_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Makes a scope unit ("x.scope") with delegated controllers and the processes in it, and waits until they
 * are there. -ENOENT: no systemd of the user runs. */
int systemd_start_scope(const char *unit, const pid_t pids[2], struct err *err);

/* Moves a process into a unit's cgroup, `below` it ("/container"). */
int systemd_attach(const char *unit, const char *below, pid_t pid, struct err *err);

/* The call StartTransientUnit as it goes over the wire. Pure. */
void systemd_scope_message(const char *unit, const pid_t pids[2], struct buf *out);

#endif
