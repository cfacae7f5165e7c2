/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One lease, for the one namespace that sbx-netstack serves in slirp4netns' place (RFC 2131; containers of sbx
 * get their addresses without asking). Pure: a question's bytes become the answer's, every length is checked
 * before it is believed. There is one address to give, so nothing is kept.
 */
#ifndef SBX_NETSTACK_DHCP_H
#define SBX_NETSTACK_DHCP_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define DHCP_ROOM 600 /* what an answer may take */

struct dhcp_lease {
	struct in_addr address, mask, router, resolver; /* resolver 0: none is told */
	uint16_t mtu;
};

/* The answer to a question in an Ethernet frame, in its place, in a buffer of at least DHCP_ROOM bytes; its
 * length, or 0 when the frame is no question that has an answer. */
size_t dhcp_answer(const struct dhcp_lease *lease, uint8_t *frame, size_t len);

#endif
