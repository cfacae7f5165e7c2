/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection through a published port or on the fast way out: two sockets, two directions.
 *
 * Small messages are copied through one shared buffer (a read and a write, least delay, no memory per
 * idle connection); a direction that fills the buffer repeatedly gets a pipe from a pool and is
 * spliced. End of file is passed on as a half-close, a reset as a reset, and a reader that does not
 * read stops its writer: at most one buffer or pipe is held per direction, and CARRY_KEPT_MAX in buffers of all.
 */
#ifndef SBX_NETSTACK_STREAM_H
#define SBX_NETSTACK_STREAM_H

#include "netstack/carry.h"

/* Takes the accepted socket over; connects to the container's port, at the first of its addresses that does not refuse
 * (inside.h). */
void stream_adopt(struct carry *carry, int fd, const union syn_address *client, uint16_t port);
/* Sees the first bytes from fds[0], which go nowhere before it has said 1 = let them go; 0 = I need more, -1 = reset
 * both sides. The other direction does not wait: some servers speak first. */
typedef int (*stream_peek_fn)(void *data, const uint8_t *bytes, size_t len);

/* Whoever wants to know of the end, once; it may free itself. */
struct stream_owner {
	void (*closed)(struct stream_owner *owner);
	stream_peek_fn peek; /* NULL: all may go */
	void *peek_data;
	uint64_t bytes[2]; /* read from fds[0], from fds[1]; true at the end */
};

struct stream_pair {
	int fds[2];                 /* non-blocking, TCP_NODELAY; taken over, also on failure */
	bool connecting;            /* fds[1] has not said yet that it is connected */
	struct stream_owner *owner; /* borrowed; NULL ok */
};

/* NULL = out of memory, both are closed and the owner hears nothing. */
struct conn *stream_join(struct carry *carry, const struct stream_pair *pair);
void stream_kill(struct carry *carry, struct conn *conn); /* resets both sides */

void stream_event(struct carry *carry, enum carry_kind *object, uint32_t events);

/* After each batch of events: goes on with busy connections, frees dead ones. */
void stream_turn(struct carry *carry);

/* When all connections have ended. */
void stream_free_pipes(struct carry *carry);

#endif
