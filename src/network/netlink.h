/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several netlink requests in one send: built in order, carried out in order, each acknowledged.
 * The caller's memory; never allocates. Adding beyond the buffer makes netlink_run() fail, -ENOSPC.
 */
#ifndef SBX_NETWORK_NETLINK_H
#define SBX_NETWORK_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct netlink {
	uint8_t data[6144] __attribute__((aligned(8)));
	size_t len, last; /* last = offset of the request that attributes go to */
	unsigned count;
	int broken; /* 0 or -ENOSPC */
	const char *what[32];
	unsigned quiet; /* bits: requests without an acknowledgement */
	size_t open;    /* nft.c: where the expressions of the rule began, */
	uint8_t family; /* and whose table it is */
};
#define NETLINK_INIT     \
	{                \
		.len = 0 \
	}

/* Starts a request: `what` (a literal) names it in errors; body is its fixed part. */
void netlink_add(struct netlink *nl, const char *what, uint16_t type, uint16_t flags);
void netlink_body(struct netlink *nl, const void *body, size_t len);
void netlink_attr(struct netlink *nl, uint16_t type, const void *value, size_t len);

/* The kernel will not acknowledge the last request: the frame of an nf_tables batch. */
void netlink_quiet(struct netlink *nl);

/* Attributes added in between are inside this one; netlink_nest() returns what netlink_unnest() wants. */
size_t netlink_nest(struct netlink *nl, uint16_t type);
void netlink_unnest(struct netlink *nl, size_t nest);

/* Sends all in the current network namespace; the error names the first request that failed. */
int netlink_run(struct netlink *nl, struct err *err);

/* The same on a netlink socket of the caller's, of any family. */
int netlink_run_on(struct netlink *nl, int fd, struct err *err);

#endif
