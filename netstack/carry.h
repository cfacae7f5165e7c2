/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay's loop: one epoll set over listeners, connections (stream.h) and UDP flows (datagram.h). The same set,
 * as one source of sbx-netstack's own loop, serves the fast way out (outbound.h).
 * Its own, not base/loop.h: a connection costs two edge-triggered registrations and no allocation but
 * its own, and thousands of them come and go.
 */
#ifndef SBX_NETSTACK_CARRY_H
#define SBX_NETSTACK_CARRY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "netstack/inside.h"
#include "netstack/listen.h"
#include "netstack/pace.h"

#define CARRY_BUFFER (64 * 1024)
/* Of what stalled connections were read before they stalled; beyond it what cannot be sent on is not read. */
#define CARRY_KEPT_MAX (4 << 20)

/* What an epoll event points to: the first member of every object in the set. */
enum carry_kind {
	CARRY_LIFELINE,
	CARRY_LISTENER,
	CARRY_STREAM,
	CARRY_DATAGRAM,
	CARRY_FLOW,
	CARRY_CALL,
};

struct carry;
struct conn;
struct pipes;
struct flows;

struct carry_call;
typedef void (*carry_fn)(struct carry *carry, struct carry_call *call, uint32_t events);
struct carry_call {
	enum carry_kind kind; /* CARRY_CALL */
	carry_fn fn;
};

/* An accepted connection that waits for a descriptor to the inside. */
struct carry_held {
	bool is;
	int fd;
	union syn_address client;
	uint16_t port;
};

struct carry {
	int epoll;
	struct carry_call spin_call;
	int spin; /* an eventfd that is always ready, in the set while there is more to do */
	bool spinning;
	int rounds;                 /* of a connection per turn; then the others have theirs */
	struct loop_source *source; /* NULL in a relay */
	struct inside inside;       /* of a relay */
	struct pace pace;           /* of the host's sockets */
	bool paused;            /* out of descriptors: listeners are silent until one is free, */
	bool freed;             /* which has happened, */
	struct carry_held held; /* and this one was accepted already */
	struct conn *dead;      /* freed after the batch of events */
	struct conn *busy;      /* stopped for fairness, not for want of data */
	size_t kept;            /* bytes */
	struct pipes *pipes;
	struct flows *flows;
	uint8_t buffer[CARRY_BUFFER];
};

/* Serves until `lifeline` hangs up, then returns 0; negative when it cannot go on. */
int carry_ports(const struct published_list *ports, const struct inside *inside, int lifeline,
	struct err *err);

/* Serves as a source of `loop`. */
int carry_new(struct loop *loop, struct carry **ret, struct err *err);
void carry_free(struct carry *carry); /* NULL ok; all connections have ended */

int carry_watch(struct carry *carry, int op, int fd, uint32_t events, enum carry_kind *object);

#endif
