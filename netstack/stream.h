/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TCP connection through a published port: two sockets, two directions.
 *
 * Small messages are copied through one shared buffer (a read and a write, least delay, no memory per
 * idle connection); a direction that fills the buffer repeatedly gets a pipe from a pool and is
 * spliced. End of file is passed on as a half-close, a reset as a reset, and a reader that does not
 * read stops its writer: at most one buffer or pipe is held per direction.
 */
#ifndef SBX_NETSTACK_STREAM_H
#define SBX_NETSTACK_STREAM_H

#include "netstack/carry.h"

/* Takes the accepted socket over; connects to the container's port. */
void stream_adopt(struct carry *carry, int fd, uint16_t port);
void stream_event(struct carry *carry, enum carry_kind *object, uint32_t events);

/* After each batch of events: goes on with busy connections, frees dead ones. */
void stream_turn(struct carry *carry);

#endif
