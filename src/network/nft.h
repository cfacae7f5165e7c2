/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words of nf_tables as netlink attributes: one table of ours ("sbx", of one IP family) in the current network
 * namespace, its chains on the output hook, and the few expressions that redirect.c puts together. One
 * batch is one transaction: all of it or nothing. Values are compared in register 1.
 */
#ifndef SBX_NETWORK_NFT_H
#define SBX_NETWORK_NFT_H

#include "network/netlink.h"

void nft_begin(struct netlink *nl, uint8_t family);
void nft_end(struct netlink *nl);
void nft_table(struct netlink *nl);
void nft_chain(struct netlink *nl, const char *name, const char *type, int priority);

void nft_rule(struct netlink *nl, const char *chain);
void nft_rule_end(struct netlink *nl);

/* Expressions, between the two. A comparison that fails ends the rule. */
void nft_meta(struct netlink *nl, uint32_t key, uint32_t op, const void *value, size_t len);
void nft_payload(struct netlink *nl, uint32_t base, uint32_t offset, uint32_t len);
void nft_mask(struct netlink *nl, const void *mask, size_t len);
void nft_compare(struct netlink *nl, uint32_t op, const void *value, size_t len);
void nft_verdict(struct netlink *nl, uint32_t verdict);
/* Holds the packet for the reader of queue 0; without one it goes on. By the kernel's own expression or
 * by the one of iptables, which some kernels have instead. */
void nft_queue(struct netlink *nl, bool old);
void nft_reject(struct netlink *nl, uint32_t type, uint8_t code);
void nft_redirect(struct netlink *nl, uint16_t port);
void nft_connection_mark(struct netlink *nl, uint32_t op, uint32_t mark); /* compares */
void nft_mark_connection(struct netlink *nl, uint32_t mark);              /* sets */
void nft_mark_packet(struct netlink *nl, uint32_t mark);

#endif
