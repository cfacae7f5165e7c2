/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a connection on the fast way out may go: what libslirp would do with the same destination, and to the ports
 * of the host's own loopback that were opened for this member (--host-loopback). A member with rules of its own
 * (--egress) meets them here, and its connections are written down.
 */
#ifndef SBX_NETSTACK_JUDGE_H
#define SBX_NETSTACK_JUDGE_H

#include "netstack/lan.h"
#include "netstack/outbound.h"

enum outbound_verdict judge_connect(struct member *member, union syn_address *to);

/* The watcher of a connection that is let out; *ret NULL for a member without rules. -ENOMEM: then it is not let out. */
int judge_watch(struct member *member, const union syn_address *to, struct outbound_pass **ret);

#endif
