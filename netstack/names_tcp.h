/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS over TCP for members without the fast way, or on a kernel without it: their frames for port 53 of the gateway end
 * here, in just as much of TCP as questions need, and become a socket for names_stream(). So the same names and rules
 * hold on both ways, and nothing reaches a resolver of the host by itself.
 *
 * In order only, no window scaling, no SACK; a segment that is lost is sent again, up to NAMES_TCP_TRIES times. A member
 * has NAMES_STREAMS connections at most, of NAMES_TCP_ROOM bytes each, and a new one is reset.
 */
#ifndef SBX_NETSTACK_NAMES_TCP_H
#define SBX_NETSTACK_NAMES_TCP_H

#include "netstack/lan.h"

#define NAMES_TCP_ROOM  16384 /* unacknowledged or unsent */
#define NAMES_TCP_TRIES 7     /* each waits twice as long as the one before: 25 seconds together */

/* An IPv4 frame of the member that frame_clean() has seen, in lan->frame; true: it was for us, and is dealt with. */
bool names_tcp_frame(struct member *from, size_t len);
void names_tcp_leave(struct member *member);

#endif
