/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published UDP ports. A client (its address and the host socket it wrote to) is one flow with a
 * connected socket inside; answers go back from the host address the client wrote to. A flow ends
 * after two idle minutes; when there are too many the one idle longest gives way.
 */
#ifndef SBX_NETSTACK_DATAGRAM_H
#define SBX_NETSTACK_DATAGRAM_H

#include <stddef.h>

#include "netstack/carry.h"

void datagram_from_host(struct carry *carry, int fd, uint16_t port);
void datagram_from_inside(struct carry *carry, enum carry_kind *object);
void datagram_expire(struct carry *carry);
size_t datagram_count(const struct carry *carry);

#endif
