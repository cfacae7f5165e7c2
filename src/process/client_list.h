/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's attached clients. A frame that a client's socket does not take is kept for it, and
 * while any client has one waiting, relay_blocked() is true and the monitor reads nothing more from
 * the container: a slow reader slows the container down, as a pipe would, and loses nothing.
 */
#ifndef SBX_PROCESS_CLIENT_LIST_H
#define SBX_PROCESS_CLIENT_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "process/attach.h"

struct client;

/* What clients ask for; one datagram each. */
struct client_events {
	void *data;
	int (*message)(void *data, struct client *from, enum attach_type type, const void *payload,
		size_t len, struct err *err);
	int (*gone)(void *data, bool launcher, struct err *err);
	int (*unblocked)(void *data, struct err *err); /* no frame waits any more */
};

struct client_list {
	struct loop *loop;
	const struct client_events *events;
	struct client *first;
	unsigned waiting;
};

int client_add(struct client_list *list, int adopt_sock, bool launcher, struct err *err);
void client_list_done(struct client_list *list);

/* To all of them. Errors of one client remove it and are not errors here. */
int client_broadcast(struct client_list *list, enum attach_type type, const void *payload,
	size_t len, struct err *err);
bool client_blocked(const struct client_list *list);

/* To one of them; it may be gone afterwards. */
int client_tell(struct client *client, enum attach_type type, const void *payload, size_t len,
	struct err *err);

/* Stops and restarts listening to one client (its stdin bytes have nowhere to go). */
int client_pause(struct client *client, bool pause, struct err *err);

/* Last words: waits up to a second per client. Then everything is closed. */
void client_farewell(
	struct client_list *list, enum attach_type type, const void *payload, size_t len);

#endif
