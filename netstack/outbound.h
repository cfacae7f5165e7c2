/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast way out (network/redirect.h), sbx-netstack's side: TCP connections of members become connections of this
 * process, spliced (stream.h). A held SYN is let go when the host's connection stands, and refused in
 * the kernel's own words when it does not; then the member's accepted socket is joined to it.
 *
 * The same targets are open as through libslirp: never the host's own loopback, except host-loopback ports
 * (judge.h). What the judge wants to leave to libslirp goes on to the tap. A member may have as many connections as are still free: one that takes all it can leaves
 * half to the next. What sbx-netstack holds of a connection beside its sockets is about 400 bytes.
 */
#ifndef SBX_NETSTACK_OUTBOUND_H
#define SBX_NETSTACK_OUTBOUND_H

#include "base/err.h"
#include "base/loop.h"
#include "netstack/stream.h"
#include "netstack/syn.h"

struct outbound;     /* of the network */
struct outbound_way; /* of a member */

/* What a connection meets. */
enum outbound_verdict {
	OUTBOUND_CONNECT, /* to *to, which may have been changed */
	OUTBOUND_REFUSE,
	OUTBOUND_LIBSLIRP, /* leave it to the tap */
	OUTBOUND_LOCAL,    /* for us: outbound_gear.local gets it */
};

/* One connection that somebody watches. */
struct outbound_pass {
	stream_peek_fn peek; /* NULL: nothing of it needs to be seen */
	/* The end; true bytes from the member and to it, NULL when it never stood. Frees the pass. */
	void (*done)(struct outbound_pass *pass, const uint64_t *bytes);
};

/* Asked once per connection; data is the member's. */
typedef enum outbound_verdict (*outbound_judge_fn)(void *data, union syn_address *to);

struct outbound_gear {
	int listener[2]; /* both, and the queue, taken over also on failure; -EBADF = none */
	int queue;
	outbound_judge_fn judge;
	/* Of a connection that is let out. *ret NULL: nobody watches; -errno: it is not let out. NULL ok. */
	int (*pass)(void *data, const union syn_address *to, struct outbound_pass **ret);
	void (*local)(void *data, int fd); /* takes the member's socket over */
	void *data;
};

void outbound_gear_done(struct outbound_gear *gear);

int outbound_new(struct loop *loop, struct outbound **ret, struct err *err);
void outbound_free(struct outbound *outbound); /* NULL ok; all ways have ended */

int outbound_open(struct outbound *outbound, struct outbound_gear *gear, struct outbound_way **ret,
	struct err *err);
void outbound_close(struct outbound_way *way); /* NULL ok; resets its connections */

#endif
