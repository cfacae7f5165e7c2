/* SPDX-License-Identifier: Apache-2.0 */
#include "network/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netlink.h>
#include <string.h>

#define TABLE "sbx"

static void put_string(struct netlink *nl, uint16_t type, const char *text)
{
	netlink_attr(nl, type, text, strlen(text) + 1);
}

static void put_number(struct netlink *nl, uint16_t type, uint32_t number)
{
	uint32_t value = htonl(number);

	netlink_attr(nl, type, &value, sizeof(value));
}

static void put_value(struct netlink *nl, uint16_t type, const void *value, size_t len)
{
	size_t data = netlink_nest(nl, type);

	netlink_attr(nl, NFTA_DATA_VALUE, value, len);
	netlink_unnest(nl, data);
}

static void add(struct netlink *nl, const char *what, uint16_t type)
{
	const struct nfgenmsg head = { .nfgen_family = nl->family, .version = NFNETLINK_V0 };

	netlink_add(nl, what, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
		NLM_F_CREATE | NLM_F_APPEND);
	netlink_body(nl, &head, sizeof(head));
}

static void add_frame(struct netlink *nl, uint16_t type)
{
	const struct nfgenmsg head = { .nfgen_family = AF_UNSPEC,
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES) };

	netlink_add(nl, "begin or end the packet rules", type, 0);
	netlink_body(nl, &head, sizeof(head));
	netlink_quiet(nl);
}

void nft_begin(struct netlink *nl, uint8_t family)
{
	nl->family = family;
	add_frame(nl, NFNL_MSG_BATCH_BEGIN);
}

void nft_end(struct netlink *nl)
{
	add_frame(nl, NFNL_MSG_BATCH_END);
}

void nft_table(struct netlink *nl)
{
	add(nl, "make the table of packet rules", NFT_MSG_NEWTABLE);
	put_string(nl, NFTA_TABLE_NAME, TABLE);
}

void nft_chain(struct netlink *nl, const char *name, const char *type, int priority)
{
	size_t hook;

	add(nl, "make a chain of packet rules", NFT_MSG_NEWCHAIN);
	put_string(nl, NFTA_CHAIN_TABLE, TABLE);
	put_string(nl, NFTA_CHAIN_NAME, name);
	hook = netlink_nest(nl, NFTA_CHAIN_HOOK);
	put_number(nl, NFTA_HOOK_HOOKNUM, NF_INET_LOCAL_OUT);
	put_number(nl, NFTA_HOOK_PRIORITY, (uint32_t)priority);
	netlink_unnest(nl, hook);
	put_string(nl, NFTA_CHAIN_TYPE, type);
}

void nft_rule(struct netlink *nl, const char *chain)
{
	add(nl, "make a packet rule", NFT_MSG_NEWRULE);
	put_string(nl, NFTA_RULE_TABLE, TABLE);
	put_string(nl, NFTA_RULE_CHAIN, chain);
	nl->open = netlink_nest(nl, NFTA_RULE_EXPRESSIONS);
}

void nft_rule_end(struct netlink *nl)
{
	netlink_unnest(nl, nl->open);
}

struct nest {
	size_t element, data;
};

static struct nest begin(struct netlink *nl, const char *name)
{
	struct nest nest = { .element = netlink_nest(nl, NFTA_LIST_ELEM) };

	put_string(nl, NFTA_EXPR_NAME, name);
	nest.data = netlink_nest(nl, NFTA_EXPR_DATA);
	return nest;
}

static void end(struct netlink *nl, struct nest nest)
{
	netlink_unnest(nl, nest.data);
	netlink_unnest(nl, nest.element);
}

void nft_meta(struct netlink *nl, uint32_t key, uint32_t op, const void *value, size_t len)
{
	struct nest nest = begin(nl, "meta");

	put_number(nl, NFTA_META_DREG, NFT_REG_1);
	put_number(nl, NFTA_META_KEY, key);
	end(nl, nest);
	nft_compare(nl, op, value, len);
}

void nft_payload(struct netlink *nl, uint32_t base, uint32_t offset, uint32_t len)
{
	struct nest nest = begin(nl, "payload");

	put_number(nl, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_number(nl, NFTA_PAYLOAD_BASE, base);
	put_number(nl, NFTA_PAYLOAD_OFFSET, offset);
	put_number(nl, NFTA_PAYLOAD_LEN, len);
	end(nl, nest);
}

void nft_mask(struct netlink *nl, const void *mask, size_t len)
{
	const uint8_t zero[16] = { 0 };
	struct nest nest = begin(nl, "bitwise");

	put_number(nl, NFTA_BITWISE_SREG, NFT_REG_1);
	put_number(nl, NFTA_BITWISE_DREG, NFT_REG_1);
	put_number(nl, NFTA_BITWISE_LEN, (uint32_t)len);
	put_value(nl, NFTA_BITWISE_MASK, mask, len);
	put_value(nl, NFTA_BITWISE_XOR, zero, len);
	end(nl, nest);
}

void nft_compare(struct netlink *nl, uint32_t op, const void *value, size_t len)
{
	struct nest nest = begin(nl, "cmp");

	put_number(nl, NFTA_CMP_SREG, NFT_REG_1);
	put_number(nl, NFTA_CMP_OP, op);
	put_value(nl, NFTA_CMP_DATA, value, len);
	end(nl, nest);
}

void nft_verdict(struct netlink *nl, uint32_t verdict)
{
	struct nest nest = begin(nl, "immediate");
	size_t data, inner;

	put_number(nl, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = netlink_nest(nl, NFTA_IMMEDIATE_DATA);
	inner = netlink_nest(nl, NFTA_DATA_VERDICT);
	put_number(nl, NFTA_VERDICT_CODE, verdict);
	netlink_unnest(nl, inner);
	netlink_unnest(nl, data);
	end(nl, nest);
}

void nft_queue(struct netlink *nl, bool old)
{
	struct nest nest = begin(nl, old ? "target" : "queue");
	const struct xt_NFQ_info_v3 info = { .queues_total = 1, .flags = NFQ_FLAG_BYPASS };
	uint8_t aligned[XT_ALIGN(sizeof(info))] = { 0 };
	uint16_t number = 0, flags = htons(NFT_QUEUE_FLAG_BYPASS);

	if (old) {
		memcpy(aligned, &info, sizeof(info));
		put_string(nl, NFTA_TARGET_NAME, "NFQUEUE");
		put_number(nl, NFTA_TARGET_REV, 3);
		netlink_attr(nl, NFTA_TARGET_INFO, aligned, sizeof(aligned));
	} else {
		netlink_attr(nl, NFTA_QUEUE_NUM, &number, sizeof(number));
		netlink_attr(nl, NFTA_QUEUE_FLAGS, &flags, sizeof(flags));
	}
	end(nl, nest);
}

void nft_reject(struct netlink *nl, uint32_t type, uint8_t code)
{
	struct nest nest = begin(nl, "reject");

	put_number(nl, NFTA_REJECT_TYPE, type);
	netlink_attr(nl, NFTA_REJECT_ICMP_CODE, &code, sizeof(code));
	end(nl, nest);
}

void nft_redirect(struct netlink *nl, uint16_t port)
{
	uint16_t value = htons(port);
	struct nest nest = begin(nl, "immediate");

	put_number(nl, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(nl, NFTA_IMMEDIATE_DATA, &value, sizeof(value));
	end(nl, nest);
	nest = begin(nl, "redir");
	put_number(nl, NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1);
	end(nl, nest);
}

void nft_connection_mark(struct netlink *nl, uint32_t op, uint32_t mark)
{
	struct nest nest = begin(nl, "ct");

	put_number(nl, NFTA_CT_DREG, NFT_REG_1);
	put_number(nl, NFTA_CT_KEY, NFT_CT_MARK);
	end(nl, nest);
	nft_compare(nl, op, &mark, sizeof(mark));
}

static void load_mark(struct netlink *nl, uint32_t mark)
{
	struct nest nest = begin(nl, "immediate");

	put_number(nl, NFTA_IMMEDIATE_DREG, NFT_REG_1);
	put_value(nl, NFTA_IMMEDIATE_DATA, &mark, sizeof(mark));
	end(nl, nest);
}

void nft_mark_connection(struct netlink *nl, uint32_t mark)
{
	struct nest nest;

	load_mark(nl, mark);
	nest = begin(nl, "ct");
	put_number(nl, NFTA_CT_KEY, NFT_CT_MARK);
	put_number(nl, NFTA_CT_SREG, NFT_REG_1);
	end(nl, nest);
}

void nft_mark_packet(struct netlink *nl, uint32_t mark)
{
	struct nest nest;

	load_mark(nl, mark);
	nest = begin(nl, "meta");
	put_number(nl, NFTA_META_KEY, NFT_META_MARK);
	put_number(nl, NFTA_META_SREG, NFT_REG_1);
	end(nl, nest);
}
