/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control protocol between a container's monitor (src/network/) and sbx-netstack, and the one
 * header outside base/ and itself that netstack/ may include.
 *
 * SOCK_SEQPACKET on <runroot>/networks/<name>/control, one message per packet, both ends from one
 * build on one machine (the version says so). One connection is one member:
 *
 *	monitor → WIRE_JOIN + ports         netstack → WIRE_JOIN, the address, ports bound on the host
 *	monitor → WIRE_ATTACH + descriptors           → WIRE_ATTACH: frames flow, ports are served
 *	either end closes = the member left: its ports are closed, its address is free.
 */
#ifndef SBX_NETWORK_WIRE_H
#define SBX_NETWORK_WIRE_H

#include <netinet/in.h>
#include <stdint.h>

#include "base/err.h"

#define WIRE_MAGIC        0x53425831u /* "SBX1" */
#define WIRE_VERSION      9
#define WIRE_CONTROL_FD   3 /* sbx-netstack inherits its listening socket here, */
#define WIRE_DIR_FD       4 /* and the network's directory here */
#define WIRE_PORTS_MAX    2048
#define WIRE_CONTROL      "control" /* names inside the network's directory */
#define WIRE_LOCK         "lock"
#define WIRE_ATTACH_FDS   3 /* tap, user namespace, network namespace, in this order, */
#define WIRE_ATTACH_MAX   8 /* then those that the flags name */
#define WIRE_PACKET_MAX   (sizeof(struct wire_join) + WIRE_PORTS_MAX * sizeof(struct wire_port))
#define WIRE_LOOPBACK_MAX 65
#define WIRE_EGRESS_MAX   8192
#define WIRE_SERVERS_MAX  3
#define WIRE_NO_PORT      UINT32_MAX

/* Marks on packets inside a container's namespace. The first four are sbx-netstack's verdicts on a first
 * SYN (network/redirect.h), the last is on connections that the relay makes from a client's address. */
enum wire_mark {
	WIRE_MARK_TURN = 0x53425801,
	WIRE_MARK_REFUSED,
	WIRE_MARK_NO_HOST,
	WIRE_MARK_NO_ROUTE,
	WIRE_MARK_CLIENT,
};
#define WIRE_TURN_PORT 1 /* where connections are turned to, on the container's loopback */

enum wire_attach_flag {
	WIRE_LISTEN4 = 1, /* a descriptor each, in this order */
	WIRE_LISTEN6 = 2,
	WIRE_QUEUE = 4,
	WIRE_MORE = 16, /* none: the member is on another network too, and asks its resolver next */
	WIRE_LOG = 32,  /* two: files that connections are written down in */
	WIRE_REPLIES4 = 8, /* none: answers to WIRE_MARK_CLIENT stay inside */
	WIRE_REPLIES6 = 64,
	WIRE_DATAGRAMS4 = 128, /* none: the same over UDP */
	WIRE_DATAGRAMS6 = 256,
};

enum wire_op { WIRE_JOIN = 1, WIRE_ATTACH = 2 };
enum wire_proto { WIRE_TCP = 0, WIRE_UDP = 1 };

struct wire_head {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
};

struct wire_port {
	uint8_t proto;      /* enum wire_proto */
	uint8_t family;     /* 0 = every address of the host, else AF_INET or AF_INET6 */
	uint16_t host_port; /* host byte order; 0 = the kernel chooses */
	uint16_t port;      /* the container's, host byte order */
	uint16_t last;      /* 0, or the first free one from host_port to this */
	uint8_t addr[16];   /* network order; the first 4 for AF_INET */
};

struct wire_server {
	uint8_t family;   /* AF_INET or AF_INET6 */
	uint8_t addr[16]; /* network order; the first 4 for AF_INET */
};

struct wire_join {
	struct wire_head head;
	char id[65];         /* 64 hex digits, NUL */
	char names[1024];    /* separated by one space, NUL */
	struct in_addr want; /* 0 = any */
	uint8_t mac[6];      /* 0 = the address's own */
	uint16_t exact;      /* `want` or nothing */
	uint16_t recovers;   /* was a member of the sbx-netstack that died */
	uint16_t n_loopback; /* ports of the host's own loopback this member may reach; */
	uint16_t loopback[WIRE_LOOPBACK_MAX]; /* port 0 stands for all of them */
	uint16_t exact6;                      /* `want6` or nothing */
	struct in6_addr want6;                /* :: = made of the other one */
	char egress
		[WIRE_EGRESS_MAX]; /* rules, a list a line (base/egress_rules.h); "" = none were given */
	struct wire_server
		servers[WIRE_SERVERS_MAX]; /* --dns: asked for this member, else the host's */
	uint16_t n_servers;
	uint32_t n_ports; /* exactly as many follow */
	struct wire_port ports[];
};

struct wire_joined {
	struct wire_head head;
	struct err err;       /* code 0 = joined */
	uint32_t failed_port; /* index of the port that could not be bound, or WIRE_NO_PORT */
	char holder[64];      /* name of the member of this network that has it, or "" */
	struct in_addr address, gateway;
	struct in6_addr address6, gateway6; /* :: = the network has no IPv6, else of a /64 */
	uint16_t mtu;
	uint8_t prefix;
	uint8_t mac[6];
	uint32_t n_ports;
	uint16_t host_ports[WIRE_PORTS_MAX]; /* only n_ports of them are sent */
};

struct wire_attach {
	struct wire_head head;
	uint32_t flags; /* enum wire_attach_flag */
};

struct wire_attached {
	struct wire_head head;
	struct err err; /* code 0 = frames flow */
};

static inline struct wire_head wire_head(enum wire_op op)
{
	return (struct wire_head){
		.magic = WIRE_MAGIC, .version = WIRE_VERSION, .op = (uint16_t)op
	};
}

#endif
