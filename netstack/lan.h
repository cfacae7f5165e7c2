/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The virtual Ethernet segment: members with a tap each, and the uplink.
 *
 * A member's MAC and address are given when it joins (02:53 and the four bytes of the address, unless
 * its owner chose them): nothing is learned, nothing can be poisoned, no table can be flooded. A frame that does not carry its member's own MAC and address is
 * dropped at the tap. A member that does not read loses its frames in its own tap queue.
 */
#ifndef SBX_NETSTACK_LAN_H
#define SBX_NETSTACK_LAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "netstack/egress.h"
#include "netstack/frame.h"
#include "netstack/netlog.h"
#include "netstack/stack.h"
#include "network/wire.h"

#define LAN_BUCKETS  256  /* by the last byte of a MAC or an address */
#define LAN_MEMBERS  1000 /* at most: each is a tap, a socket and a process of its relay */
#define LAN_MTU      65520

#define LAN_RESERVED 64

/* Addresses that no member gets, IPv4 as ::ffff:a.b.c.d. */
struct lan_reserved {
	struct in6_addr list[LAN_RESERVED];
	size_t n;
};

struct lan;
struct outbound;
struct outbound_gear;
struct names;
struct names_member;
struct names_call;
struct gate;

struct member {
	struct lan *lan;
	struct member *next, *next_mac, *next_address, *next_address6; /* all; same bucket */
	struct frame_port port;
	struct frame_frags frags;
	struct share share;
	char names[1040]; /* separated by one space: the DNS answers for them */
	bool asks_others; /* it is on other networks too, whose resolvers it asks next */
	int tap;
	struct loop_source *source;
	struct outbound_way *way;                         /* the fast way out, or NULL */
	uint16_t loopback[WIRE_LOOPBACK_MAX], n_loopback; /* of the host's, opened for this one */
	struct egress *egress; /* what it may reach outside; NULL = everything */
	struct netlog log;
	struct gate *gate;         /* its frames', with rules only */
	struct names_member *asks; /* its questions that are on their way */
	struct names_call *calls;  /* its connections for questions (names_tcp.h) */
};

struct lan {
	struct loop *loop;
	struct stack *stack;
	struct names *names;
	struct outbound *outbound; /* made for the first member that has a fast way out */
	struct frame_lan addresses;
	struct in_addr first, last; /* of what is given to those who do not ask for more */
	struct lan_reserved reserved;
	int mtu;
	bool internal; /* no uplink: nothing leaves the segment */
	struct member *members, *by_mac[LAN_BUCKETS], *by_address[LAN_BUCKETS],
		*by_address6[LAN_BUCKETS];
	unsigned n_members;
	uint8_t frame[FRAME_MAX + 1]; /* one more, to see what is too long */
};

struct lan_config {
	struct in_addr gateway;
	int prefix;
	struct in_addr range; /* addresses are given from this part; with prefix 0 from all of it */
	int range_prefix;
	struct lan_reserved reserved;
	int mtu; /* 0 = LAN_MTU */
	bool internal;
	struct in6_addr gateway6; /* of a /64; :: = no IPv6 */
};

struct lan_wish {
	struct in_addr address;   /* 0 = any */
	bool exact;               /* that one or none */
	uint8_t mac[6];           /* 0 = the address's own */
	struct in6_addr address6; /* :: = made of the IPv4 one */
	bool exact6;
	const char *names, *egress;        /* egress NULL or "": everything is allowed */
	const struct wire_server *servers; /* to ask instead of the host's */
	size_t n_servers;
};

/* One more address that no member gets, of either family, as text. */
int lan_reserve(struct lan_config *config, const char *address, struct err *err);
bool lan_is_reserved(const struct lan *lan, const struct in6_addr *address);

int lan_init(struct lan *lan, struct loop *loop, const struct lan_config *config, struct err *err);
void lan_done(struct lan *lan);

/* A new member with the wanted address when that is free, else the lowest free one. The lan owns it
 * until lan_leave(). -EADDRNOTAVAIL when the network is full, -EADDRINUSE for a taken exact address or
 * MAC, -EINVAL for one that nobody can have. */
int lan_join(struct lan *lan, const struct lan_wish *wish, struct member **ret, struct err *err);
void lan_leave(struct member *member); /* NULL ok */

/* Starts switching for it; takes the tap over, also on failure. */
int lan_adopt_tap(struct member *member, int tap, struct err *err);

/* Opens the fast way out (outbound.h), of which gear has the descriptors; takes them over, also on failure. */
int lan_open_way(struct member *member, struct outbound_gear *gear, struct err *err);

/* Takes both files over. */
void lan_keep_log(struct member *member, int fds[2]);

/* The address that the host's own packets to the world carry, asked anew each time: a laptop moves. */
bool lan_find_host(struct in_addr *ret);

/* Pure: the member that has it, that a frame with this destination MAC is for, or NULL. */
struct member *lan_find_address(const struct lan *lan, struct in_addr address);
struct member *lan_find_mac(const struct lan *lan, const uint8_t mac[6]);

/* To one member; what its queue cannot take is lost, as on a wire. */
void lan_send(const struct member *member, const uint8_t *frame, size_t len);

/* One frame from a member, in lan->frame: to its destinations. */
void lan_forward(struct member *from, size_t len);

#endif
