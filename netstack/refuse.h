/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that a gateway says no with, made from the frame that they answer: pure. The frame is a member's, IPv4 or IPv6,
 * whole or a first fragment, as frame_clean() and frame6_clean() let it through.
 */
#ifndef SBX_NETSTACK_REFUSE_H
#define SBX_NETSTACK_REFUSE_H

#include <stddef.h>
#include <stdint.h>

#include "netstack/frame.h"

#define REFUSE_MAX 160

/* Lengths of what was written to out, which has room for REFUSE_MAX. */
size_t refuse_reset(const uint8_t *frame, size_t len, uint8_t *out);
/* "Got it", up to `ack`, in the other side's name. */
size_t refuse_acknowledge(const uint8_t *frame, size_t len, uint32_t ack, uint8_t *out);
/* The member's own reset, for the other side. */
size_t refuse_hang_up(const uint8_t *frame, size_t len, uint32_t seq, uint8_t *out);
/* ICMP, from the gateway: port unreachable for UDP, "filtered" for the rest. */
size_t refuse_unreachable(
	const uint8_t *frame, size_t len, const struct frame_lan *lan, uint8_t *out);

#endif
