/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published ports, the container's side. One process per member that publishes: it joins the member's
 * user and network namespace, gives up all capabilities but those to speak with a client's address, and
 * carries what the host's sockets (listen.h) accept to sockets it opens in there (inside.h).
 *
 * It ends when the socket to sbx-netstack closes, and by signal when sbx-netstack dies: no listener is
 * ever left behind. Its death costs the member its open connections, and its
 * session: the monitor joins again and gets the same address and ports.
 */
#ifndef SBX_NETSTACK_RELAY_H
#define SBX_NETSTACK_RELAY_H

#include <netinet/in.h>
#include <sys/types.h>

#include "base/err.h"
#include "netstack/inside.h"
#include "netstack/listen.h"

struct relay_config {
	int userns, netns;
	struct inside inside;
	const struct published_list *ports; /* the child has its own copies */
};

struct relay {
	pid_t pid; /* 0 = none */
	int sock;  /* readable: one struct err, code 0 = serving; then end of file when it died */
};
#define RELAY_INIT             \
	{                      \
		.sock = -EBADF \
	}

int relay_start(const struct relay_config *config, struct relay *ret, struct err *err);

/* Reads the child's verdict; call when sock is readable. -EPIPE when it is gone. */
int relay_verdict(struct relay *relay, struct err *err);

void relay_stop(struct relay *relay); /* kills and reaps; RELAY_INIT ok */

#endif
