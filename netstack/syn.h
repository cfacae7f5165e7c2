/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First SYNs that a container's kernel holds for us (network/redirect.h): what the netlink socket says,
 * and our verdicts. Parsing is pure; a member may have written every byte of the packet.
 */
#ifndef SBX_NETSTACK_SYN_H
#define SBX_NETSTACK_SYN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

union syn_address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct syn {
	uint32_t id; /* the kernel's */
	union syn_address from, to;
};

/* A netlink message at data; *ret_used is how much of it was read, at least 1. False when it holds no
 * queued packet; a packet that is no TCP gets addresses of family 0. */
bool syn_parse(const uint8_t *data, size_t len, struct syn *ret, size_t *ret_used);

/* Lets the packet go on with this mark (enum wire_mark, 0 = as it was), or drops it. A failure leaves it
 * to the queue's end. */
void syn_accept(int queue, uint32_t id, uint32_t mark);
void syn_drop(int queue, uint32_t id);

socklen_t syn_address_len(const union syn_address *address);
bool syn_same(const union syn_address *a, const union syn_address *b);

#endif
