/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IPv6 frames of a hostile member, as frame.h has it for IPv4. Between members: its own addresses only, neighbour
 * discovery about itself only, also behind extension headers; no router speaks but ours (CVE-2020-13401).
 * What libslirp may see: TCP, UDP, echo and neighbour discovery right behind the fixed header; no extension
 * headers, hence no fragments; no urgent pointer (CVE-2026-9539); no destination that means "this host" to connect(2).
 */
#ifndef SBX_NETSTACK_FRAME6_H
#define SBX_NETSTACK_FRAME6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netstack/frame.h"

/* At least FRAME_HEAD bytes, with the member's MAC. */
bool frame6_is_members_own(const uint8_t *frame, size_t len, const struct frame_port *port);

/* Pure. fe80:: and the MAC, as the kernel makes it. */
struct in6_addr frame6_link_local(const uint8_t mac[6]);

/* After frame6_clean(): leads the frame out of our /64, or to its gateway itself? */
bool frame6_goes_up(const uint8_t *frame, const struct frame_lan *lan);

/* Whom libslirp's frame is for: its destination, or the target of a solicitation; :: = nobody. */
struct in6_addr frame6_target(const uint8_t *frame, size_t len);

/* In place; false = drop it. *len may shrink (padding). */
bool frame6_clean(uint8_t *frame, size_t *len);

#endif
