/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a running container on its network: when sbx-netstack dies, or lets go of the container, the
 * monitor joins again and hands over the same tap. The container keeps its address, its ports and what
 * it talks about with its neighbours; only connections through the dead process are lost.
 */
#ifndef SBX_PROCESS_NET_WATCH_H
#define SBX_PROCESS_NET_WATCH_H

#include <stdint.h>

#include "base/loop.h"
#include "network/network.h"

struct net_watch {
	struct loop *loop;
	struct network *network; /* borrowed */
	const char *id, *name;
	/* Said once when it cannot be brought back. */
	int (*lost)(void *data, const struct err *why, struct err *err);
	void *data;
	struct loop_source *source, *timer;
	unsigned tries;
	int64_t last; /* ms: when it was last brought back */
};

/* The first six members are filled. Does nothing for networks without a process of their own. */
int net_watch_start(struct net_watch *watch, struct err *err);
void net_watch_stop(struct net_watch *watch); /* zeroed ok; before network_done() */

#endif
