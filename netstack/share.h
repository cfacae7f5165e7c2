/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one member may have open through libslirp, which looks at each of its sockets in every turn and keeps a UDP one
 * for four minutes: a flood of new connections would leave nobody else a turn. A TCP one costs memory, too: two buffers
 * of 128 KiB where neither side reads. At the limit what would open one more is dropped, what is open goes on. Pure; frames are clean already (frame_clean(), frame6_clean()).
 */
#ifndef SBX_NETSTACK_SHARE_H
#define SBX_NETSTACK_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARE_MAX     4096
#define SHARE_TCP_MAX 1024

struct share {                     /* zeroed = nothing open */
	unsigned n, tcp;           /* of all, and of TCP */
	uint8_t udp[2][65536 / 8]; /* source ports with a socket, over IPv4 and IPv6 */
};

/* What a flow is; of a UDP one its port. */
typedef uint32_t share_tag;

bool share_admits(const struct share *share, const uint8_t *frame, size_t len);

/* libslirp made a socket while it had this frame; the tag is for share_closed(). */
share_tag share_opened(struct share *share, const uint8_t *frame, size_t len);
void share_closed(struct share *share, share_tag tag);

#endif
