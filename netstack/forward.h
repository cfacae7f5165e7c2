/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions that leave: to the first resolver that answers, each from a socket of its own (so from a port of its own),
 * with an id and letters of our choice, and only an answer to just that is taken. A resolver that is silent or cannot is
 * followed by the next, and the one that answered is asked first from then on. Pending questions are bounded; there is
 * no cache: the host's resolver has one.
 */
#ifndef SBX_NETSTACK_FORWARD_H
#define SBX_NETSTACK_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/loop.h"
#include "network/wire.h"

#define FORWARD_MAX 512 /* pending */

struct forward;
struct forward_query;

/* The answer has the asker's id and question; when nobody answered it says so. Called once, never from forward_ask(). */
typedef void (*forward_fn)(void *data, uint8_t *answer, size_t len);

struct forward_ask {
	const uint8_t *question; /* judged by dns_read_question(); copied */
	size_t len;
	bool tcp;
	const struct wire_server *servers; /* copied; n_servers 0: the host's */
	size_t n_servers;
	forward_fn fn;
	void *data;
};

int forward_new(struct loop *loop, struct forward **ret, struct err *err);
void forward_free(struct forward *forward); /* NULL ok; forgets what is pending */

/* NULL: too much is pending, or out of memory or descriptors. */
struct forward_query *forward_ask(struct forward *forward, const struct forward_ask *ask);
void forward_cancel(struct forward_query *query); /* its fn is not called any more; NULL ok */

#endif
