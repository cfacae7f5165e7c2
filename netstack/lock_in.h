/* SPDX-License-Identifier: Apache-2.0 */
/* What the two kinds of process may still do once they hear strangers (base/confine.h). */
#ifndef SBX_NETSTACK_LOCK_IN_H
#define SBX_NETSTACK_LOCK_IN_H

#include "base/err.h"

/* The network: sockets of the host, its own directory, the host's resolv.conf, and starting relays. */
int lock_in_network(int dir, struct err *err);

/* In slirp4netns' place: the same, and only the host's resolv.conf to read. */
int lock_in_alone(struct err *err);

/* A relay: sockets and pipes; no path, no new process. */
int lock_in_relay(struct err *err);

#endif
