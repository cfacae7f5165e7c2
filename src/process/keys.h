/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that detach from a container, found in a stream of typed bytes. A byte that may begin the
 * sequence is held back until the next one decides; keys_release() lets it through when none comes, and
 * the sequence can still be completed afterwards.
 */
#ifndef SBX_PROCESS_KEYS_H
#define SBX_PROCESS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define KEYS_MAX     16
#define KEYS_DEFAULT "ctrl-p,ctrl-q"

struct keys {
	unsigned char sequence[KEYS_MAX];
	size_t len; /* 0 = detaching is off */
	size_t matched;
	size_t sent; /* of the matched bytes */
};

/* NULL = the default, "" = none. */
int keys_init(struct keys *keys, const char *text, struct err *err);

/* Filters n typed bytes into out (room for n + KEYS_MAX). True when the sequence is complete: *ret_n
 * bytes come before it. */
bool keys_feed(
	struct keys *keys, const unsigned char *typed, size_t n, unsigned char *out, size_t *ret_n);

bool keys_holding(const struct keys *keys);
/* What is held back, into out (room for KEYS_MAX); returns how much. */
size_t keys_release(struct keys *keys, unsigned char *out);

#endif
