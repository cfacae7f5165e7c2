/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member's rules (--egress) for what goes through libslirp: every frame of such a member passes here, and what it may
 * not send is answered at once, as a firewall would.
 *
 * A TCP connection whose first bytes decide (EGRESS_PEEK) is made, but its bytes are kept here, acknowledged in the
 * server's name, until they have; then they go on as they came. Until libslirp has acknowledged them itself nothing
 * below their end passes, so what was judged is what is sent. Nothing is judged before libslirp has answered the SYN:
 * an older connection that it still has between the same ports would count from elsewhere.
 */
#ifndef SBX_NETSTACK_GATE_H
#define SBX_NETSTACK_GATE_H

#include "netstack/lan.h"

#define GATE_FLOWS 2048 /* of a member */
#define GATE_PEEKS 64   /* of those, waiting for their first bytes */

/* Memory of frames that wait for a verdict. Beyond a flow's it is refused; beyond the member's a frame is dropped, and
 * comes again when TCP misses its acknowledgement. */
#define GATE_FLOW_HELD_MAX (256 * 1024)
#define GATE_HELD_MAX      (1024 * 1024)

int gate_new(struct member *member, struct gate **ret, struct err *err);
void gate_free(struct gate *gate); /* NULL ok; tells the log how its flows ended */

/* The frame of the member in lan->frame, as frame_clean() or frame6_clean() left it; true: hand it to libslirp. */
bool gate_up(struct member *from, size_t len);

/* The headers of a frame from libslirp for the member; len is the whole frame's. */
void gate_down(struct member *to, const uint8_t *head, size_t head_len, size_t len);

#endif
