/* SPDX-License-Identifier: Apache-2.0 */
/* Why a host port cannot be published, in words that help. Reads /proc; only on the error path. */
#ifndef SBX_NETWORK_PORTS_H
#define SBX_NETWORK_PORTS_H

#include "base/err.h"
#include "options/options.h"

/* Turns sbx-netstack's verdict on one port into E-PORT-USED (with the holder), E-PORT-LOW or a plain
 * error; returns err->code. `container` is the name of the container that has it, or "": then /proc
 * is searched. */
int ports_explain(
	const struct publish *port, const struct err *why, const char *container, struct err *err);

/* Pure. Looks in text of /proc/net/{tcp,udp}{,6} for a socket bound to the port (TCP: listening).
 * Returns true and its inode and owner. */
bool ports_find_holder(const char *table, uint16_t port, enum publish_proto proto,
	uint64_t *ret_inode, uint32_t *ret_uid);

#endif
