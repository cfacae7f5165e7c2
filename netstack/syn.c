/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/syn.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define IP_HEAD   20
#define IP6_HEAD  40
#define PORTS_LEN 4

struct span {
	const uint8_t *at;
	size_t len;
};

static void put_v4(union syn_address *to, const uint8_t *address, const uint8_t *port)
{
	*to = (union syn_address){ .in = { .sin_family = AF_INET } };
	memcpy(&to->in.sin_addr, address, 4);
	memcpy(&to->in.sin_port, port, 2);
}

static void put_v6(union syn_address *to, const uint8_t *address, const uint8_t *port)
{
	*to = (union syn_address){ .in6 = { .sin6_family = AF_INET6 } };
	memcpy(&to->in6.sin6_addr, address, 16);
	memcpy(&to->in6.sin6_port, port, 2);
}

/* TCP directly behind the fixed IPv6 header, or behind IPv4 options. Anything else stays family 0. */
static void parse_packet(struct span ip, struct syn *ret)
{
	size_t head;

	if (ip.len >= IP_HEAD && ip.at[0] >> 4 == 4) {
		head = (ip.at[0] & 15) * 4u;
		if (head < IP_HEAD || ip.len < head + PORTS_LEN || ip.at[9] != IPPROTO_TCP)
			return;
		put_v4(&ret->from, ip.at + 12, ip.at + head);
		put_v4(&ret->to, ip.at + 16, ip.at + head + 2);
	} else if (ip.len >= IP6_HEAD + PORTS_LEN && ip.at[0] >> 4 == 6 &&
		   ip.at[6] == IPPROTO_TCP) {
		put_v6(&ret->from, ip.at + 8, ip.at + IP6_HEAD);
		put_v6(&ret->to, ip.at + 24, ip.at + IP6_HEAD + 2);
	}
}

static bool parse_attributes(struct span all, struct syn *ret)
{
	bool has_id = false;

	while (all.len >= sizeof(struct nlattr)) {
		struct nlattr head;
		size_t step;
		struct span value;

		memcpy(&head, all.at, sizeof(head));
		if (head.nla_len < sizeof(head) || head.nla_len > all.len)
			return has_id;
		value = (struct span){ all.at + sizeof(head), head.nla_len - sizeof(head) };
		if ((head.nla_type & NLA_TYPE_MASK) == NFQA_PACKET_HDR && value.len >= 4) {
			memcpy(&ret->id, value.at, 4);
			ret->id = ntohl(ret->id);
			has_id = true;
		}
		if ((head.nla_type & NLA_TYPE_MASK) == NFQA_PAYLOAD)
			parse_packet(value, ret);
		step = NLA_ALIGN(head.nla_len);
		if (step > all.len)
			return has_id;
		all.at += step;
		all.len -= step;
	}
	return has_id;
}

bool syn_parse(const uint8_t *data, size_t len, struct syn *ret, size_t *ret_used)
{
	const size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
	struct nlmsghdr head;

	*ret = (struct syn){ 0 };
	*ret_used = len;
	if (len < sizeof(head))
		return false;
	memcpy(&head, data, sizeof(head));
	if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > len)
		return false;
	if (NLMSG_ALIGN(head.nlmsg_len) < len)
		*ret_used = NLMSG_ALIGN(head.nlmsg_len);
	if (head.nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
		head.nlmsg_len < fixed)
		return false;
	return parse_attributes((struct span){ data + fixed, head.nlmsg_len - fixed }, ret);
}

static void send_verdict(int queue, uint32_t id, uint32_t verdict, uint32_t mark)
{
	struct {
		struct nlmsghdr head;
		struct nfgenmsg family;
		struct nlattr verdict_head;
		struct nfqnl_msg_verdict_hdr verdict;
		struct nlattr mark_head;
		uint32_t mark;
	} msg = {
		.head = { .nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT,
			.nlmsg_flags = NLM_F_REQUEST },
		.family = { .version = NFNETLINK_V0 },
		.verdict_head = { sizeof(struct nlattr) + sizeof(msg.verdict), NFQA_VERDICT_HDR },
		.verdict = { htonl(verdict), htonl(id) },
		.mark_head = { sizeof(struct nlattr) + sizeof(msg.mark), NFQA_MARK },
		.mark = htonl(mark),
	};

	msg.head.nlmsg_len = mark ? sizeof(msg) : offsetof(__typeof__(msg), mark_head);
	(void)send(queue, &msg, msg.head.nlmsg_len, MSG_DONTWAIT); /* the client asks again */
}

void syn_accept(int queue, uint32_t id, uint32_t mark)
{
	send_verdict(queue, id, NF_ACCEPT, mark);
}

void syn_drop(int queue, uint32_t id)
{
	send_verdict(queue, id, NF_DROP, 0);
}

socklen_t syn_address_len(const union syn_address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

bool syn_same(const union syn_address *a, const union syn_address *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0;
}
