/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports on the host's side: sockets bound at join, so that a conflict is known before the
 * container starts. Without an address a port is bound on 0.0.0.0 and, where the host has IPv6, on
 * [::]; both or none.
 */
#ifndef SBX_NETSTACK_LISTEN_H
#define SBX_NETSTACK_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "netstack/pace.h"
#include "network/wire.h"

struct published {
	struct wire_port want;
	uint16_t host_port; /* the real one */
	int fds[2];         /* listening TCP or bound UDP, non-blocking; -EBADF = none */
};

struct published_list {
	struct published *ports;
	size_t n;
	struct pace pace; /* of the host: a relay lives in another namespace */
};

/* Binds all or none; *ret_failed is the index of the one that could not be bound. */
int published_open(const struct wire_port *want, size_t n, struct published_list *ret,
	size_t *ret_failed, struct err *err);
void published_close(struct published_list *list); /* zeroed ok */

/* Closes our copies of the sockets and keeps the numbers: another process serves them. */
void published_hand_over(struct published_list *list);

/* Pure. Whether one of these is what keeps `want` from being bound. */
bool published_holds(const struct published_list *list, const struct wire_port *want);

#endif
