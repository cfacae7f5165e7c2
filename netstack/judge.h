/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a connection on the fast way out may go: what libslirp would do with the same destination, and to the ports
 * of the host's own loopback that were opened for this member (--host-loopback).
 */
#ifndef SBX_NETSTACK_JUDGE_H
#define SBX_NETSTACK_JUDGE_H

#include "netstack/lan.h"
#include "netstack/outbound.h"

enum outbound_verdict judge_connect(const struct member *member, union syn_address *to);

#endif
