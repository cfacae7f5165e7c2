/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which congestion control a relayed connection has on the host's side. A host may use bbr for the world, which paces:
 * between two programs of one machine there is nothing to share and nothing to lose, and it would take half of the
 * speed and add to each round trip. So connections begin without pacing, and those that turn out to leave
 * the machine get the host's own choice back. In that order, since a socket that has paced once goes on with it.
 *
 * Nothing here fails: what cannot be set stays as the host has it, right but slower.
 */
#ifndef SBX_NETSTACK_PACE_H
#define SBX_NETSTACK_PACE_H

#include <stdbool.h>

#include "netstack/syn.h"

struct pace {
	char own[16]; /* the host's congestion control if it paces, else "" and nothing is done */
};

/* What a new socket of this process gets; the network namespace decides. */
struct pace pace_find(void);

/* Before connect() or listen(); what is accepted has it as well. */
void pace_off(const struct pace *pace, int fd);

/* Once the connection stands. */
void pace_settle(const struct pace *pace, int fd);

/* Pure. Both ends of a connection are on one machine: the kernel gives those the same address, or a loopback one. */
bool pace_is_local(const union syn_address *own, const union syn_address *peer);

#endif
