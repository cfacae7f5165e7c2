/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control socket: monitors join, attach and leave (network/wire.h). Only processes of our own
 * user are heard. A connection is a member; whatever it breaks costs that member only.
 */
#ifndef SBX_NETSTACK_CONTROL_H
#define SBX_NETSTACK_CONTROL_H

#include <stdbool.h>

#include "base/err.h"
#include "base/loop.h"
#include "netstack/lan.h"

struct session;

struct control {
	struct loop *loop;
	struct lan *lan;
	int listener, dir; /* borrowed: the socket, and the network's directory */
	struct loop_source *source, *idle, *hold;
	bool holding; /* newcomers wait: the members of an sbx-netstack that died come first */
	struct session *sessions;
};

/* Starts to listen. The loop quits a short time after the last member left. */
int control_init(struct control *control, struct loop *loop, struct lan *lan, struct err *err);

/* After a crash: for a second only those join that had been members, so that nobody takes their addresses. */
int control_hold(struct control *control, struct err *err);
/* The wish in a packet, or NULL: it does not hold what it announces. Pure. */
struct wire_join;
const struct wire_join *control_check_join(const void *data, size_t len);

void control_done(struct control *control); /* ends all sessions: relays, ports, members */

/* Pure. The wish to join in a packet from a monitor; NULL: it is damaged. */
struct wire_join;
const struct wire_join *control_check_join(const void *data, size_t len);

#endif
