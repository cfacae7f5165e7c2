/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that a gateway says no with, made from the frame that they answer: pure. The frame is a member's, whole or a
 * first fragment, as frame_clean() lets it through.
 */
#ifndef SBX_NETSTACK_REFUSE_H
#define SBX_NETSTACK_REFUSE_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define REFUSE_MAX 128

/* The IPv4 TCP frame's fields. */
struct refuse_tcp {
	uint32_t seq, ack;
	uint8_t flags;
	const uint8_t *payload;
	size_t len;
};
#define REFUSE_FIN 1
#define REFUSE_SYN 2
#define REFUSE_RST 4
#define REFUSE_ACK 16

struct refuse_tcp refuse_read_tcp(const uint8_t *frame, size_t len);
/* As libslirp will see it: a wrong one is dropped there. */
int refuse_checksum_is_right(const uint8_t *frame, size_t len);

/* Lengths of what was written to out, which has room for REFUSE_MAX. */
size_t refuse_reset(const uint8_t *frame, size_t len, uint8_t *out);
/* "Got it", up to `ack`, in the other side's name. */
size_t refuse_acknowledge(const uint8_t *frame, size_t len, uint32_t ack, uint8_t *out);
/* The member's own reset, for the other side. */
size_t refuse_hang_up(const uint8_t *frame, size_t len, uint32_t seq, uint8_t *out);
/* ICMP: port unreachable for UDP, "filtered" for the rest. */
size_t refuse_unreachable(const uint8_t *frame, size_t len, struct in_addr gateway, uint8_t *out);

#endif
