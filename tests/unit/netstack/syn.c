/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/syn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <string.h>

#include "harness.h"

struct message {
	uint8_t data[256] __attribute__((aligned(8)));
	size_t len;
};

static void add(struct message *m, uint16_t type, const void *value, size_t len)
{
	const struct nlattr head = { (uint16_t)(sizeof(head) + len), type };

	memcpy(m->data + m->len, &head, sizeof(head));
	memcpy(m->data + m->len + sizeof(head), value, len);
	m->len += NLA_ALIGN(head.nla_len);
	((struct nlmsghdr *)(void *)m->data)->nlmsg_len = (uint32_t)m->len;
}

static struct message begin(void)
{
	struct message m = { .len = NLMSG_HDRLEN + sizeof(struct nfgenmsg) };
	const struct nlmsghdr head = { .nlmsg_len = (uint32_t)m.len,
		.nlmsg_type = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET };
	const struct nfqnl_msg_packet_hdr packet = { .packet_id = htonl(77) };

	memcpy(m.data, &head, sizeof(head));
	add(&m, NFQA_PACKET_HDR, &packet, sizeof(packet));
	return m;
}

/* 10.88.0.2:4000 to 192.0.2.7:443, with four bytes of options. */
static const uint8_t packet4[] = { 0x46, 0, 0, 44, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 88, 0, 2, 192, 0,
	2, 7, 1, 1, 1, 1, 0x0f, 0xa0, 0x01, 0xbb };

static void the_addresses_of_a_held_syn_are_read(void **state)
{
	struct message m = begin();
	struct syn syn;
	size_t used;

	add(&m, NFQA_PAYLOAD, packet4, sizeof(packet4));
	assert_true(syn_parse(m.data, m.len, &syn, &used));
	assert_int_equal(used, m.len);
	assert_int_equal(syn.id, 77);
	assert_int_equal(syn.from.in.sin_family, AF_INET);
	assert_int_equal(ntohs(syn.from.in.sin_port), 4000);
	assert_int_equal(ntohl(syn.from.in.sin_addr.s_addr), 0x0a580002);
	assert_int_equal(ntohs(syn.to.in.sin_port), 443);
	assert_int_equal(ntohl(syn.to.in.sin_addr.s_addr), 0xc0000207);
}

static void ipv6_is_read_where_tcp_follows_the_header(void **state)
{
	uint8_t packet[44] = { 0x60, 0, 0, 0, 0, 20, IPPROTO_TCP,
		64, [23] = 2, [39] = 7, [41] = 9, [43] = 80 };
	struct message m = begin();
	struct syn syn;
	size_t used;

	add(&m, NFQA_PAYLOAD, packet, sizeof(packet));
	assert_true(syn_parse(m.data, m.len, &syn, &used));
	assert_int_equal(syn.to.in6.sin6_family, AF_INET6);
	assert_int_equal(syn.to.in6.sin6_addr.s6_addr[15], 7);
	assert_int_equal(ntohs(syn.from.in6.sin6_port), 9);
	assert_int_equal(ntohs(syn.to.in6.sin6_port), 80);
	packet[6] = IPPROTO_FRAGMENT;
	m = begin();
	add(&m, NFQA_PAYLOAD, packet, sizeof(packet));
	assert_true(syn_parse(m.data, m.len, &syn, &used));
	assert_int_equal(syn.to.any.sa_family, AF_UNSPEC);
}

/* A packet that is cut or lies about its length names nobody; it still has its id, so it gets a verdict. */
static void what_is_cut_names_nobody(void **state)
{
	for (size_t len = 0; len < sizeof(packet4); len++) {
		struct message m = begin();
		struct syn syn;
		size_t used;

		add(&m, NFQA_PAYLOAD, packet4, len);
		assert_true(syn_parse(m.data, m.len, &syn, &used));
		assert_int_equal(syn.to.any.sa_family, AF_UNSPEC);
		assert_int_equal(syn.id, 77);
	}
}

static void damaged_messages_are_no_packets_and_never_stall_the_reader(void **state)
{
	struct message m = begin();
	struct syn syn;
	size_t used;

	for (size_t len = 0; len < m.len; len++) {
		assert_false(syn_parse(m.data, len, &syn, &used));
		assert_true(len == 0 || used >= 1);
	}
	((struct nlmsghdr *)(void *)m.data)->nlmsg_type = NLMSG_ERROR;
	assert_false(syn_parse(m.data, m.len, &syn, &used));
	m = begin();
	((struct nlattr *)(void *)(m.data + NLMSG_HDRLEN + sizeof(struct nfgenmsg)))->nla_len = 2;
	assert_false(syn_parse(m.data, m.len, &syn, &used));
}

static void several_messages_are_read_one_by_one(void **state)
{
	struct message m = begin();
	uint8_t two[512];
	struct syn syn;
	size_t used;

	add(&m, NFQA_PAYLOAD, packet4, sizeof(packet4));
	memcpy(two, m.data, m.len);
	memcpy(two + m.len, m.data, m.len);
	assert_true(syn_parse(two, 2 * m.len, &syn, &used));
	assert_int_equal(used, m.len);
	assert_true(syn_parse(two + used, m.len, &syn, &used));
	assert_int_equal(used, m.len);
}

static void the_same_address_is_family_host_and_port(void **state)
{
	union syn_address a = { .in = { .sin_family = AF_INET, .sin_port = 1 } }, b = a;

	assert_true(syn_same(&a, &b));
	b.in.sin_port = 2;
	assert_false(syn_same(&a, &b));
	b = a;
	b.in.sin_addr.s_addr = 1;
	assert_false(syn_same(&a, &b));
	b = (union syn_address){ .in6 = { .sin6_family = AF_INET6, .sin6_port = 1 } };
	assert_false(syn_same(&a, &b));
	a = b;
	assert_true(syn_same(&a, &b));
	a.in6.sin6_addr.s6_addr[0] = 1;
	assert_false(syn_same(&a, &b));
}

TEST_MAIN(cmocka_unit_test(the_addresses_of_a_held_syn_are_read),
	cmocka_unit_test(ipv6_is_read_where_tcp_follows_the_header),
	cmocka_unit_test(what_is_cut_names_nobody),
	cmocka_unit_test(damaged_messages_are_no_packets_and_never_stall_the_reader),
	cmocka_unit_test(several_messages_are_read_one_by_one),
	cmocka_unit_test(the_same_address_is_family_host_and_port))
