/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's loop: one epoll set over listeners, connections (stream.h) and UDP flows (datagram.h).
 * Its own, not base/loop.h: a connection costs two edge-triggered registrations and no allocation but
 * its own, and thousands of them come and go.
 */
#ifndef SBX_NETSTACK_CARRY_H
#define SBX_NETSTACK_CARRY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "netstack/listen.h"

#define CARRY_BUFFER (64 * 1024)

/* What an epoll event points to: the first member of every object in the set. */
enum carry_kind { CARRY_LIFELINE, CARRY_LISTENER, CARRY_STREAM, CARRY_DATAGRAM, CARRY_FLOW };

struct conn;
struct pipes;
struct flows;

struct carry {
	int epoll;
	struct in_addr address; /* of the container */
	bool paused;            /* out of descriptors: listeners are silent until one is free */
	struct conn *dead;      /* freed after the batch of events */
	struct conn *busy;      /* stopped for fairness, not for want of data */
	struct pipes *pipes;
	struct flows *flows;
	uint8_t buffer[CARRY_BUFFER];
};

/* Serves until `lifeline` hangs up, then returns 0; negative when it cannot go on. */
int carry_ports(
	const struct published_list *ports, struct in_addr address, int lifeline, struct err *err);

int carry_watch(struct carry *carry, int op, int fd, uint32_t events, enum carry_kind *object);

#endif
