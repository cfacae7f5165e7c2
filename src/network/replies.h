/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to clients of published ports stay inside the container's namespace, so that its relay can speak to the
 * program in a client's own name (netstack/inside.h). What the relay sends carries a mark; what carries it is local,
 * by a rule and a route. Over TCP an accepted connection takes the mark of its first packet over (a sysctl); over UDP,
 * where sockets answer many, connection tracking remembers it, and a chain of type route puts it on the answers.
 *
 * In the current network namespace, with CAP_NET_ADMIN over it. What the kernel lacks is no error: then clients appear
 * as the container itself.
 */
#ifndef SBX_NETWORK_REPLIES_H
#define SBX_NETWORK_REPLIES_H

#include <stdbool.h>

/* enum network_replies: what was set up, each all or nothing, for half of it would lose answers. */
unsigned replies_keep(bool datagrams, bool ipv6);

#endif
