/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of --egress as rules. Here, because both who takes the option and sbx-netstack, which lives by it, read it.
 * Pure but for memory. Addresses are IPv6, IPv4 as ::ffff:a.b.c.d.
 */
#ifndef SBX_BASE_EGRESS_RULES_H
#define SBX_BASE_EGRESS_RULES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define EGRESS_RULES_MAX 1024
#define EGRESS_NAME      256 /* with NUL */

enum egress_kind { EGRESS_RULE_ANY, EGRESS_RULE_NAME, EGRESS_RULE_BELOW, EGRESS_RULE_CIDR };

struct egress_rule {
	enum egress_kind kind;
	char name[EGRESS_NAME]; /* of EGRESS_RULE_BELOW without "*." */
	struct in6_addr network;
	int prefix; /* of 128 */
	uint16_t first, last;
};

struct egress_rules {
	bool open; /* "all" and "learn" */
	struct egress_rule *list;
	size_t n;
};

/* "none", "all", "learn", or a list separated by commas of NAME, *.NAME, CIDR or nothing, each with an optional
 * :PORT or :FIRST-LAST; IPv6 in brackets when a port follows. -EINVAL says which. */
int egress_rules_parse(const char *text, struct egress_rules *ret, struct err *err);
void egress_rules_done(struct egress_rules *rules); /* zeroed ok */

#endif
