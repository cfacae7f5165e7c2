/* SPDX-License-Identifier: Apache-2.0 */
/* The networks in a container's record; see endpoints.c for their form. */
#ifndef SBX_COMMANDS_ENDPOINTS_H
#define SBX_COMMANDS_ENDPOINTS_H

#include "base/json.h"
#include "network/network.h"
#include "options/options.h"
#include "state/state.h"

/* The id that the built-in networks have in lists, or the network's own. */
void endpoint_network_id(const struct network *net, char ret[65]);

/* Caller frees. wish: links, ip, ip6, mac; the rest is the plan's. */
struct json *endpoint_record(const struct network *net, const struct net_endpoint *wish);
void endpoint_from_record(const struct json *record, struct net_endpoint *ret);

struct json *container_endpoints(const struct container *c); /* never NULL; caller frees */
/* What it has there while it runs: {"network", "id", "ip", "gateway", "prefix", "ip6", "gateway6", "mac", "aliases"}, or NULL. */
const struct json *container_endpoint_live(const struct container *c, const char *network);
bool container_on_network(const struct container *c, const char *network);

/* Replaces the networks of a command line. */
void endpoints_to_opts(const struct json *list, struct run_opts *opts);

/* In c, not saved. -EEXIST, -EINVAL; takes the record over. -ENOENT. Docker's words. */
int endpoints_add(struct container *c, struct json *record, struct err *err);
int endpoints_remove(struct container *c, const char *network, struct err *err);

#endif
