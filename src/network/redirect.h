/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast way out for TCP: inside the container's own network namespace every new connection that
 * would leave through its interface is turned to a listener whose descriptor sbx-netstack gets, which
 * splices it to a socket of the host. Nothing in user space ever sees a TCP segment.
 *
 * Where the kernel can queue (nfnetlink_queue), the first SYN is held until sbx-netstack has decided: it connects
 * on the host and answers with a mark (wire.h), so that "refused" and "unreachable" reach connect(2) inside.
 * Where it cannot, connections are accepted first and a refusal is a reset, that of the listener's own
 * address as well, which is refused otherwise; sbx-netstack is told by
 * queue == -EBADF. Without nf_tables or its redirect: -EOPNOTSUPP or what the kernel said, and libslirp
 * carries TCP as well. A container that may change its own rules can only cut itself off.
 */
#ifndef SBX_NETWORK_REDIRECT_H
#define SBX_NETWORK_REDIRECT_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/err.h"

/* How a kernel holds packets. Asking for what it lacks makes it look for a module, some 15 ms long, so
 * the answer is worth keeping. */
enum redirect_queue {
	REDIRECT_QUEUE_OLD, /* the expression of iptables; most kernels have both */
	REDIRECT_QUEUE_NEW,
	REDIRECT_QUEUE_NONE,
};

struct redirect_config {
	unsigned index; /* of the interface */
	struct in_addr network, mask, gateway;
	struct in6_addr gateway6;  /* of a /64; :: = the network has no IPv6 */
	bool must_queue;           /* rules decide per connection: queue or nothing */
	enum redirect_queue first; /* what to try first */
};

struct redirect {
	int listener[2]; /* 127.0.0.1 and ::1; -EBADF = none */
	int queue;
	enum redirect_queue how;
};
#define REDIRECT_INIT                                           \
	{                                                       \
		.listener = { -EBADF, -EBADF }, .queue = -EBADF \
	}
void redirect_done(struct redirect *redirect);

/* In the namespace, with CAP_NET_ADMIN over it; lo must be up. */
int redirect_install(const struct redirect_config *config, struct redirect *ret, struct err *err);

#endif
