/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one member may reach outside its network (--egress): rules, and the names behind the addresses
 * that our DNS told it. Pure but for memory; addresses are IPv6, IPv4 as ::ffff:a.b.c.d.
 *
 * Whoever opens a way out for a member asks here first: judge.c for connections on the fast way, gate.c for frames on
 * their way to libslirp, names.c for questions to the DNS.
 *
 * A name is allowed by its address, as told by our DNS. Because many names share an address, a TCP
 * connection allowed by name is EGRESS_PEEK: its first bytes are to be shown to egress_ask_bytes(),
 * which reads the name in them (sniff.h). Bytes without a name pass when no other name was told for the
 * address.
 */
#ifndef SBX_NETSTACK_EGRESS_H
#define SBX_NETSTACK_EGRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/egress_rules.h"
#include "base/err.h"

#define EGRESS_SETS      4
#define EGRESS_NAMES_MAX 1024 /* remembered; the one told longest ago is forgotten first */

struct egress;

enum egress_verdict { EGRESS_ALLOW, EGRESS_REFUSE, EGRESS_PEEK };

struct egress_target {
	struct in6_addr address;
	uint16_t port; /* host order; 0 for ICMP */
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP */
};

/* rules: one list a line (base/egress_rules.h): that of the network and that of the container. All must allow. */
int egress_new(const char *rules, struct egress **ret, struct err *err);
void egress_free(struct egress *egress); /* NULL ok */

/* Nothing is refused; asked for the record only. */
bool egress_is_open(const struct egress *egress);

/* May a question for this name leave? With names only, those they allow; where addresses are listed
 * too, every name, since it may turn out to be one of them. */
bool egress_may_resolve(const struct egress *egress, const char *name);

/* Pure. May an answer of the world's DNS open it? Not what means something on this host or its link only, and not a
 * cloud's metadata: whoever owns an allowed name would choose it. A rule that has the address itself still does. */
bool egress_may_be_told(const struct in6_addr *address);

/* Our DNS has told the member this. Out of memory costs the name its connections, nothing else. */
void egress_learn(struct egress *egress, const char *name, const struct in6_addr *address);

/* *ret_name (NULL ok): the name that decided, or any name told for the address, or ""; valid until the
 * next egress_learn(). */
enum egress_verdict egress_ask(
	const struct egress *egress, const struct egress_target *to, const char **ret_name);

/* The first bytes from the member on a connection that was EGRESS_PEEK. EGRESS_PEEK again: more are
 * needed. name gets what was read in them, or "". */
enum egress_verdict egress_ask_bytes(const struct egress *egress, const struct egress_target *to,
	const uint8_t *data, size_t len, char name[EGRESS_NAME]);

struct in6_addr egress_from_v4(struct in_addr address);

#endif
