/* SPDX-License-Identifier: Apache-2.0 */
/* A container's place on one network, as options say it. */
#ifndef SBX_OPTIONS_ENDPOINT_H
#define SBX_OPTIONS_ENDPOINT_H

#include "base/err.h"
#include "base/strv.h"

/* One --network, beside the first. Owned. */
struct net_endpoint {
	char *network, *ip, *ip6, *mac; /* NULL = not said */
	struct strv aliases, links;
};
void net_endpoint_done(struct net_endpoint *endpoint);
/* "NAME", "NAME:alias=A,ip=…,mac=…" as podman, "name=NAME,alias=A,ip=…,mac-address=…" as Docker. Pure. */
int parse_endpoint(const char *text, struct net_endpoint *ret, struct err *err);

#endif
