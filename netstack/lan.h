/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual Ethernet segment: members with a tap each, and the uplink.
 *
 * A member's MAC and address are ours to give (02:53 and the four bytes of the address), so the MAC
 * table is an array indexed by the last byte of the address: nothing is learned, nothing can be
 * poisoned, no table can be flooded. A frame that does not carry its member's own MAC and address is
 * dropped at the tap. A member that does not read loses its frames in its own tap queue.
 */
#ifndef SBX_NETSTACK_LAN_H
#define SBX_NETSTACK_LAN_H

#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "netstack/frame.h"
#include "netstack/stack.h"

#define LAN_HOSTS        256
#define LAN_GATEWAY      1 /* last byte of the address */
#define LAN_NAMESERVER   2
#define LAN_FIRST_MEMBER 3
#define LAN_MTU          65520

struct lan;

struct member {
	struct lan *lan;
	struct frame_port port;
	struct frame_frags frags;
	char names[270]; /* separated by one space: the DNS answers for them */
	int tap;
	struct loop_source *source;
};

struct lan {
	struct loop *loop;
	struct stack *stack;
	struct frame_lan addresses;
	int mtu;
	struct member *members[LAN_HOSTS];
	unsigned n_members;
	uint8_t frame[FRAME_MAX + 1]; /* one more, to see what is too long */
};

int lan_init(struct lan *lan, struct loop *loop, struct in_addr network, struct err *err);
void lan_done(struct lan *lan);

/* A new member with the address `want` when that is free, else the lowest free one. The lan owns it
 * until lan_leave(). -EADDRNOTAVAIL when the network is full. */
int lan_join(struct lan *lan, struct in_addr want, const char *names, struct member **ret,
	struct err *err);
void lan_leave(struct member *member); /* NULL ok */

/* Starts switching for it; takes the tap over, also on failure. */
int lan_adopt_tap(struct member *member, int tap, struct err *err);

/* Pure: the member that a frame with this destination MAC is for, or NULL. */
struct member *lan_find_mac(const struct lan *lan, const uint8_t mac[6]);

/* One frame from a member, in lan->frame: to its destinations. */
void lan_forward(struct member *from, size_t len);

#endif
