/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers for names this network knows: one question, class IN. Everything else is somebody else's to answer (forward.h).
 * Pure; the question is hostile.
 */
#ifndef SBX_NETSTACK_RESOLVER_H
#define SBX_NETSTACK_RESOLVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RESOLVER_NAME_MAX 256 /* with NUL */

struct resolver_found {
	struct in_addr v4;
	struct in6_addr v6; /* :: = it has none */
};

/* The addresses of a name (no dot at the end, any case); false = not ours. */
typedef bool (*resolver_lookup_fn)(void *data, const char *name, struct resolver_found *ret);

/* Turns the question in data into its answer, in place; returns the new length, at most max, or 0
 * when the question is not for us and data is untouched. A known name without a record of the wanted
 * type gets an empty answer, so that nobody asks the world for it. */
size_t resolver_answer(
	uint8_t *data, size_t len, size_t max, resolver_lookup_fn lookup, void *lookup_data);

/* The same for the name of an address (PTR), IPv4 as ::ffff:a.b.c.d. find: 1 and its name, 0 = nobody has it, -1 = not
 * ours. */
typedef int (*resolver_find_fn)(
	void *data, const struct in6_addr *address, char name[RESOLVER_NAME_MAX]);
size_t resolver_answer_pointer(
	uint8_t *data, size_t len, size_t max, resolver_find_fn find, void *find_data);

/* Turns a question into "ask another server", which resolvers do at once; only for names without a dot
 * unless `all`. The new length, or 0 and untouched. */
size_t resolver_refer(uint8_t *data, size_t len, bool all);

/* Turns a question into "there is no such name"; the new length, or 0 for what is no question. */
size_t resolver_deny(uint8_t *data, size_t len);

/* Whether `name` is one of the words of `names`, which are separated by one space. */
bool resolver_has_name(const char *names, const char *name);

#endif
