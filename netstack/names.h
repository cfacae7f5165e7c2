/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DNS on the gateway's address, over UDP and TCP: names of the network are answered here, others are asked of the
 * host's resolvers (forward.h), or of those that --dns names. Of a member with rules (--egress) only questions leave
 * that its rules may be about, and what it is told is what its rules know (egress_learn()).
 *
 * A member has at most NAMES_PENDING questions under way and NAMES_STREAMS connections; more are refused it, not others.
 */
#ifndef SBX_NETSTACK_NAMES_H
#define SBX_NETSTACK_NAMES_H

#include "netstack/lan.h"

#define NAMES_PENDING 128
#define NAMES_STREAMS 16
#define NAMES_LEARNED \
	64 /* addresses of one answer that rules take note of: so none makes them forget all others */

int names_new(struct lan *lan, struct names **ret, struct err *err);
void names_free(struct names *names); /* NULL ok; all members have left */

/* A frame of the member that frame_clean() has seen, in lan->frame; true: it was a question, and is dealt with. */
bool names_frame(struct member *from, size_t len);

/* A connection of the member to port 53; takes it over. */
void names_stream(struct member *member, int fd);

/* n servers that are asked for it instead of the host's, at most WIRE_SERVERS_MAX. -ENOMEM */
int names_join(struct member *member, const struct wire_server *servers, size_t n);
void names_leave(struct member *member);

#endif
