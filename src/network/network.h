/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 5: how a container reaches the world. The functions are called in the order below, each in
 * the process its comment names; `monitor` is the container's parent, `child` its future init.
 */
#ifndef SBX_NETWORK_NETWORK_H
#define SBX_NETWORK_NETWORK_H

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"
#include "base/userns.h"
#include "options/options.h"

/* What the child made in its namespace and sbx-netstack serves. Descriptors are owned. */
enum network_fast { NETWORK_LISTEN4, NETWORK_LISTEN6, NETWORK_QUEUE, NETWORK_FAST };
/* Answers to foreign addresses of this family stay inside, so clients of published ports keep theirs. */
enum network_replies {
	NETWORK_REPLIES4 = 1, /* over TCP */
	NETWORK_REPLIES6 = 2,
	NETWORK_DATAGRAMS4 = 4, /* over UDP */
	NETWORK_DATAGRAMS6 = 8
};
struct network_gear {
	int tap;
	int fast[NETWORK_FAST]; /* redirect.h; -EBADF = none */
	unsigned replies;       /* enum network_replies */
	int log[2]; /* of what a container with egress rules reached; the monitor's. -EBADF = none */
};
#define NETWORK_GEAR_INIT                                                                     \
	{                                                                                     \
		.tap = -EBADF, .fast = { -EBADF, -EBADF, -EBADF }, .log = { -EBADF, -EBADF }, \
	}
#define NETWORK_LOG "connections-" /* and the network's name, ".0" and ".1" */
void network_gear_done(struct network_gear *gear);

enum network_kind { NETWORK_NONE, NETWORK_HOST, NETWORK_BRIDGE, NETWORK_CONTAINER };

struct network {
	enum network_kind kind;
	char name[80]; /* "bridge", "host", "none", "container:ID" */
	/* NETWORK_CONTAINER: whose namespace is shared, as typed, owned; then, filled by whoever knows
	 * containers, that network namespace and the user namespace that owns it. Owned */
	char *target;
	int userns, netns;        /* of the container itself once it is attached */
	struct network_gear gear; /* ours, kept for network_recover() */
	const char *runroot;      /* borrowed from globals */
	struct publish *ports;    /* wanted; after network_join() with the real host ports. Owned */
	size_t n_ports;
	struct strv dns, dns_search, dns_option, add_host;
	struct strv aliases; /* further names of the container on this network */
	struct strv
		egress; /* rules, a list each, all of which must allow; none: everything is open */
	char *log_dir;  /* where what they decide is written down, as NETWORK_LOG; NULL = nowhere */
	struct strv links; /* lines of /etc/hosts, "ADDRESS\tNAMES" */
	/* of a network that the user made: */
	char id[65]; /* "" for the built-in ones */
	struct in_addr range;
	int range_prefix;
	bool internal;        /* no way out */
	struct strv reserved; /* addresses that no container gets */
	struct loopback_ports loopback;
	bool exact;    /* `address` was chosen by the user */
	bool recovers; /* network_recover() was called */
	/* filled by network_join(); a non-zero address is asked for again: */
	struct in_addr address, gateway;
	struct in6_addr address6, gateway6; /* of a /64; :: without IPv6 */
	bool exact6;                        /* address6 was chosen by the user */
	struct in_addr
		host; /* where containers reach the host; the gateway when it has no address */
	int prefix, mtu;
	uint8_t mac[6]; /* before network_join(): the wanted one, or zeros */
	unsigned index; /* of its device in the container: eth0, … */
	int control; /* socket to sbx-netstack; closing it leaves the network. -EBADF without one */
	bool begun;  /* network_begin() has asked, the answer is not read yet */
	pid_t starting; /* first process of an sbx-netstack we started, not reaped yet; 0 = none */
};
#define NETWORK_INIT                                                                            \
	{                                                                                       \
		.userns = -EBADF, .netns = -EBADF, .gear = NETWORK_GEAR_INIT, .control = -EBADF \
	}
void network_done(struct network *net);
#define autonetwork __attribute__((cleanup(network_done)))

/* Reads the record of a network that the user made. publish_all adds the image's exposed ports ("6379/tcp"). Warns (log) that -p is ignored with
 * host networking. Unknown names: "network X not found", exit 125. With container:NAME what would
 * change the other's network is refused in Docker's words. */
int network_plan(const struct globals *globals, const struct run_opts *opts,
	const struct strv *exposed, struct network *ret, struct err *err);

/* ---- networks that the user makes: <root>/networks/<name>/network.json (docs/formats.md) ---- */

struct network_record {
	char id[65], name[64], created[40];         /* created: RFC 3339 */
	char subnet[19], gateway[16], ip_range[19]; /* "10.88.7.0/24"; ip_range may be "" */
	bool ipv6;
	char subnet6[INET6_ADDRSTRLEN + 4],
		gateway6[INET6_ADDRSTRLEN]; /* "fd00:1::/64"; "" without IPv6 */
	bool internal, attachable;
	int mtu;      /* 0 = the default */
	char *egress; /* what its members may reach; NULL = everything */
	struct json *labels, *options;
	struct json *aux; /* names of addresses that no member gets; NULL = none */
};
void network_record_done(struct network_record *record);
#define autonetworkrecord __attribute__((cleanup(network_record_done)))

/* name, and what the user chose of subnet, gateway, ip_range, are filled, id and created too; chooses the
 * rest, checks all of it and writes it. -EEXIST, -EINVAL: names, subnets that overlap another's. */
int network_create(const struct globals *globals, struct network_record *record, struct err *err);
/* By name, id or unique part of one. -ENOENT: "network X not found". */
int network_open(const struct globals *globals, const char *name, struct network_record *ret,
	struct err *err);
/* All, by name; free() the list after network_record_done() of each. */
int network_list(
	const struct globals *globals, struct network_record **ret, size_t *ret_n, struct err *err);
int network_remove(
	const struct globals *globals, const struct network_record *record, struct err *err);

/* monitor, optional and early: starts sbx-netstack if it is not running and sends it the wish to
 * join, so that it works while the caller does something else. network_join() collects the answer. */
int network_begin(struct network *net, const char *id, const char *name, struct err *err);

/* monitor, before the clone: starts sbx-netstack if it is not running, asks for an address, binds
 * the published ports on the host. E-PORT-USED, E-PORT-LOW, E-NET-… */
int network_join(struct network *net, const char *id, const char *name, struct err *err);

/* child, inside the new network namespace with its capabilities, while /dev/net/tun and a /proc are
 * still in reach: loopback up, tap made, address, MTU, default route, ping and low ports allowed for
 * everybody inside, and the fast way out (redirect.h) where the kernel has it. E-NET-NOTUN. *ret is for the monitor;
 * its tap is -EBADF when kind needs none. */
int network_setup(const struct network *net, struct network_gear *ret, struct err *err);

/* What the kernel lets a container's network have, found by trying it in a namespace that ends at once. */
enum network_can {
	NETWORK_CAN_REDIRECT = 1, /* TCP goes out by the fast way (redirect.h) */
	NETWORK_CAN_HOLD = 2,     /* and connect() inside is told the truth */
	NETWORK_CAN_KEEP = 4,     /* clients of published ports keep their address over TCP, */
	NETWORK_CAN_KEEP_UDP = 8, /* and over UDP */
};
int network_probe(const struct idmap *map, struct err *err);

/* monitor: hands what was made and both namespaces to sbx-netstack, which starts switching. Takes the gear over, and keeps
 * copies for network_recover(). From here on a hang-up of net->control means that sbx-netstack died. */
int network_attach(
	struct network *net, struct network_gear *gear, int userns, int netns, struct err *err);

/* monitor: after that hang-up. Starts sbx-netstack again if nobody else has, and attaches with the same
 * address and ports. -EADDRINUSE: the dead one still holds them, or somebody else was faster; may be
 * called again, as after any error. */
int network_recover(struct network *net, const char *id, const char *name, struct err *err);

/* monitor: leaves it. A container whose connections are recorded (log_dir) then has the record whole, unless sbx-netstack is
 * silent for a second. */
void network_leave(struct network *net);

/* ---- networks beyond a container's first ---- */

/* Those, and the container's namespaces for further ones. All owned. */
struct network_set {
	struct network **list;
	size_t n;
	int userns, netns; /* 0 = not known yet */
};
void network_set_add(struct network_set *set, const struct network *adopt);
void network_set_remove(struct network_set *set, size_t index); /* leaves it */
void network_set_done(struct network_set *set);
int network_set_keep(struct network_set *set, int userns, int netns, struct err *err); /* copies */

/* monitor: join, setup and attach for a container whose namespaces exist; its index is not 0. The
 * default route goes through it only when there is none yet. */
int network_plug(struct network *net, int userns, int netns, const char *id, const char *name,
	struct err *err);

/* The names after the container's address in /etc/hosts, as Docker writes them: the name with its
 * domain and the first label alone, "web.example.org web"; domain may be NULL. Caller frees. */
char *network_own_names(const char *hostname, const char *domain);

/* Contents of /etc/hosts and /etc/resolv.conf for the container; caller frees. Reads the host's
 * resolv.conf for kind host. names: network_own_names(). */
int network_hosts(const struct network *net, const char *names, char **ret, struct err *err);
int network_resolv(const struct network *net, char **ret, struct err *err);
/* --dns servers are asked by the gateway, which the container asks: on networks with names of their own, and where
 * rules depend on what was answered. Elsewhere they stand in resolv.conf themselves. */
bool network_asks_gateway(const struct network *net);

#endif
