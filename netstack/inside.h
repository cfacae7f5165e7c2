/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of the relay to the program in the container. Where answers to foreign addresses stay inside
 * (network/setup.c: a mark, a rule and a local route), a TCP connection carries its client's own address;
 * a client on the host's loopback, or of the other IP family, appears as the gateway. Nobody ever
 * appears as 127.0.0.1 (CVE-2021-20199). Then a program that listens on the container's loopback only
 * is reached as well, and one that listens on IPv6 only. Elsewhere everybody appears as the container itself, and such a program is not reached.
 */
#ifndef SBX_NETSTACK_INSIDE_H
#define SBX_NETSTACK_INSIDE_H

#include <netinet/in.h>
#include <stdbool.h>

#include "netstack/syn.h"

struct inside {
	struct in_addr address, gateway; /* of the container */
	struct in6_addr address6;        /* :: = none */
	bool keep_clients;
};

/* A socket that is connected or *ret_connecting; loopback: to the container's 127.0.0.1. -errno */
int inside_connect(const struct inside *inside, const union syn_address *client, uint16_t port,
	bool loopback, bool *ret_connecting);

/* The same to its IPv6 address, as the container itself; -ECONNREFUSED without one. */
int inside_connect6(const struct inside *inside, uint16_t port, bool *ret_connecting);

/* Pure: as whom the client appears; port 0 = any. */
struct sockaddr_in inside_source(const struct inside *inside, const union syn_address *client);

#endif
