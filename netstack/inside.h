/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets of the relay to the program in the container. Where answers to foreign addresses stay inside
 * (network/replies.h: a mark, a rule and a local route), what comes carries its client's own address;
 * a client on the host's loopback appears as the gateway. Nobody ever appears as 127.0.0.1 or ::1
 * (CVE-2021-20199). Elsewhere, and to a UDP socket on the loopback, everybody appears as the container itself.
 *
 * Tried in turn, until one is not refused: the container's address of the client's IP family, the loopback of that
 * family, then both of the other one. So a program is reached whatever it listens on.
 */
#ifndef SBX_NETSTACK_INSIDE_H
#define SBX_NETSTACK_INSIDE_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netstack/syn.h"

#define INSIDE_ATTEMPTS 4

struct inside {
	struct in_addr address, gateway;    /* of the container */
	struct in6_addr address6, gateway6; /* :: = none */
	bool keep_clients, keep_clients6;
	bool keep_datagrams, keep_datagrams6; /* the same over UDP */
};

/* Pure: whom to try; false when the container has no address of that family. */
bool inside_target(const struct inside *inside, const union syn_address *client, unsigned attempt,
	uint16_t port, union syn_address *ret);

/* Pure: as whom a client of SOCK_STREAM or SOCK_DGRAM appears to this target; port 0 = any. True: nobody inside has the address. */
bool inside_source(const struct inside *inside, int type, const union syn_address *client,
	const union syn_address *to, union syn_address *ret);

/* A TCP socket that is connected or *ret_connecting, from *attempt on, which is then the next one to try.
 * -errno of the last one. */
int inside_connect(const struct inside *inside, const union syn_address *client, uint16_t port,
	unsigned *attempt, bool *ret_connecting);

/* The same over UDP, where nobody refuses before a datagram was sent. */
int inside_connect_udp(const struct inside *inside, const union syn_address *client, uint16_t port,
	unsigned *attempt);

bool inside_is_shortage(int code); /* of descriptors or memory: to be tried again */

#endif
