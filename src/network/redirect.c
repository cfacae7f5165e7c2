/* SPDX-License-Identifier: Apache-2.0 */
#include "network/redirect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/own.h"
#include "network/netlink.h"
#include "network/nft.h"
#include "network/wire.h"

#define GATE        "gate" /* holds the SYN, after connection tracking (-200), before NAT (-100) */
#define SAY         "say"  /* says no in the words that sbx-netstack chose */
#define TURN        "turn"
#define GATE_PRIO   (-150)
#define SAY_PRIO    (-140)
#define TURN_PRIO   (-100)
#define BACKLOG     4096
#define QUEUE_MAX   4096
#define COPY_BYTES  128 /* IPv6 and TCP headers with options */
#define TCP_DPORT   2
#define TCP_FLAGS   13
#define FLAGS_MASK  0x16 /* SYN, RST, ACK */
#define FLAG_SYN    0x02
#define DADDR       16
#define DADDR6      24
#define PREFIX6_LEN 8
#define LO_INDEX    1 /* the kernel makes it first in every namespace */

void redirect_done(struct redirect *redirect)
{
	fd_drop(&redirect->listener[0]);
	fd_drop(&redirect->listener[1]);
	fd_drop(&redirect->queue);
}

/* What stays on the segment, or is no TCP, is none of our business. */
static void add_exceptions(struct netlink *nl, const char *chain, const struct redirect_config *c)
{
	const uint8_t tcp = IPPROTO_TCP;
	uint32_t index = c->index;

	nft_rule(nl, chain);
	nft_meta(nl, NFT_META_OIF, NFT_CMP_NEQ, &index, sizeof(index));
	nft_verdict(nl, NF_ACCEPT);
	nft_rule_end(nl);
	nft_rule(nl, chain);
	nft_meta(nl, NFT_META_L4PROTO, NFT_CMP_NEQ, &tcp, sizeof(tcp));
	nft_verdict(nl, NF_ACCEPT);
	nft_rule_end(nl);
	nft_rule(nl, chain);
	if (nl->family == NFPROTO_IPV4) {
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, DADDR, sizeof(c->network));
		nft_mask(nl, &c->mask, sizeof(c->mask));
		nft_compare(nl, NFT_CMP_EQ, &c->network, sizeof(c->network));
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, DADDR, sizeof(c->gateway));
		nft_compare(nl, NFT_CMP_NEQ, &c->gateway, sizeof(c->gateway));
	} else {
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, DADDR6, PREFIX6_LEN);
		nft_compare(nl, NFT_CMP_EQ, &c->gateway6, PREFIX6_LEN);
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, DADDR6, sizeof(c->gateway6));
		nft_compare(nl, NFT_CMP_NEQ, &c->gateway6, sizeof(c->gateway6));
	}
	nft_verdict(nl, NF_ACCEPT);
	nft_rule_end(nl);
}

static void add_gate(
	struct netlink *nl, const struct redirect_config *config, enum redirect_queue how)
{
	const uint8_t mask = FLAGS_MASK, syn = FLAG_SYN;

	nft_chain(nl, GATE, "filter", GATE_PRIO);
	add_exceptions(nl, GATE, config);
	nft_rule(nl, GATE);
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, sizeof(syn));
	nft_mask(nl, &mask, sizeof(mask));
	nft_compare(nl, NFT_CMP_EQ, &syn, sizeof(syn));
	nft_queue(nl, how == REDIRECT_QUEUE_OLD);
	nft_rule_end(nl);
}

static void add_refusal(struct netlink *nl, uint32_t mark, uint32_t type, uint8_t code)
{
	const uint8_t tcp = IPPROTO_TCP;

	nft_rule(nl, SAY);
	nft_meta(nl, NFT_META_L4PROTO, NFT_CMP_EQ, &tcp, sizeof(tcp));
	nft_meta(nl, NFT_META_MARK, NFT_CMP_EQ, &mark, sizeof(mark));
	nft_reject(nl, type, code);
	nft_rule_end(nl);
}

/* The listener's own address and port, which nobody inside asks for by way of the interface: as if nothing listened. What
 * is turned comes by here with the address it had. */
static void add_own_refusal(struct netlink *nl)
{
	const uint8_t tcp = IPPROTO_TCP;
	const uint32_t lo = LO_INDEX, v4 = htonl(INADDR_LOOPBACK);
	const struct in6_addr v6 = IN6ADDR_LOOPBACK_INIT;
	const uint16_t port = htons(WIRE_TURN_PORT);

	nft_rule(nl, SAY);
	nft_meta(nl, NFT_META_OIF, NFT_CMP_EQ, &lo, sizeof(lo));
	nft_meta(nl, NFT_META_L4PROTO, NFT_CMP_EQ, &tcp, sizeof(tcp));
	if (nl->family == NFPROTO_IPV4) {
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, DADDR, sizeof(v4));
		nft_compare(nl, NFT_CMP_EQ, &v4, sizeof(v4));
	} else {
		nft_payload(nl, NFT_PAYLOAD_NETWORK_HEADER, DADDR6, sizeof(v6));
		nft_compare(nl, NFT_CMP_EQ, &v6, sizeof(v6));
	}
	nft_payload(nl, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_DPORT, sizeof(port));
	nft_compare(nl, NFT_CMP_EQ, &port, sizeof(port));
	nft_reject(nl, NFT_REJECT_TCP_RST, 0);
	nft_rule_end(nl);
}

static void add_refusals(struct netlink *nl)
{
	bool v4 = nl->family == NFPROTO_IPV4;

	nft_chain(nl, SAY, "filter", SAY_PRIO);
	add_own_refusal(nl);
	add_refusal(nl, WIRE_MARK_REFUSED, NFT_REJECT_TCP_RST, 0);
	add_refusal(nl, WIRE_MARK_NO_HOST, NFT_REJECT_ICMP_UNREACH,
		v4 ? ICMP_HOST_UNREACH : ICMPV6_ADDR_UNREACH);
	add_refusal(nl, WIRE_MARK_NO_ROUTE, NFT_REJECT_ICMP_UNREACH,
		v4 ? ICMP_NET_UNREACH : ICMPV6_NOROUTE);
}

static void add_turn(
	struct netlink *nl, const struct redirect_config *config, enum redirect_queue how)
{
	const uint8_t tcp = IPPROTO_TCP;
	uint32_t mark = WIRE_MARK_TURN;

	nft_chain(nl, TURN, "nat", TURN_PRIO);
	if (how == REDIRECT_QUEUE_NONE)
		add_exceptions(nl, TURN, config);
	nft_rule(nl, TURN);
	nft_meta(nl, NFT_META_L4PROTO, NFT_CMP_EQ, &tcp, sizeof(tcp));
	if (how != REDIRECT_QUEUE_NONE)
		nft_meta(nl, NFT_META_MARK, NFT_CMP_EQ, &mark, sizeof(mark));
	nft_redirect(nl, WIRE_TURN_PORT);
	nft_rule_end(nl);
}

static int install_family(int fd, const struct redirect_config *config, uint8_t family,
	enum redirect_queue how, struct err *err)
{
	struct netlink nl = NETLINK_INIT;

	nft_begin(&nl, family);
	nft_table(&nl);
	if (how != REDIRECT_QUEUE_NONE) {
		add_gate(&nl, config, how);
		add_refusals(&nl);
	}
	add_turn(&nl, config, how);
	nft_end(&nl);
	return netlink_run_on(&nl, fd, err);
}

static int bind_queue(int fd, struct err *err)
{
	struct netlink nl = NETLINK_INIT;
	const struct nfgenmsg head = { .nfgen_family = AF_UNSPEC,
		.version = NFNETLINK_V0 }; /* number 0 */
	const struct nfqnl_msg_config_cmd bind_it = { .command = NFQNL_CFG_CMD_BIND };
	const struct nfqnl_msg_config_params params = { .copy_range = htonl(COPY_BYTES),
		.copy_mode = NFQNL_COPY_PACKET };
	const uint32_t length = htonl(QUEUE_MAX), open_when_full = htonl(NFQA_CFG_F_FAIL_OPEN);
	int on = 1;

	netlink_add(&nl, "bind the packet queue", NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_CONFIG, 0);
	netlink_body(&nl, &head, sizeof(head));
	netlink_attr(&nl, NFQA_CFG_CMD, &bind_it, sizeof(bind_it));
	netlink_attr(&nl, NFQA_CFG_PARAMS, &params, sizeof(params));
	netlink_attr(&nl, NFQA_CFG_QUEUE_MAXLEN, &length, sizeof(length));
	netlink_attr(&nl, NFQA_CFG_MASK, &open_when_full, sizeof(open_when_full));
	netlink_attr(&nl, NFQA_CFG_FLAGS, &open_when_full, sizeof(open_when_full));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on)); /* only less told */
	return netlink_run_on(&nl, fd, err);
}

static int listen_on(int family, struct err *err)
{
	autofd int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(WIRE_TURN_PORT) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(WIRE_TURN_PORT),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int r;

	const int on = 1;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return err_sys(err, "make a socket");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* for those it accepts */
	r = family == AF_INET ? bind(fd, (struct sockaddr *)&sin, sizeof(sin))
			      : bind(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	if (r < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(err, "listen for connections that leave");
	return move_fd(&fd);
}

static int open_netfilter(struct err *err)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	return fd < 0 ? err_sys(err, "open a netfilter socket") : fd;
}

/* The rest of the answers to a refused batch must not be read as the next one's. */
static int try_rules(const struct redirect_config *config, const struct redirect *to,
	enum redirect_queue how, struct err *err)
{
	autofd int fd = open_netfilter(err);

	TRY(fd);
	TRY(install_family(fd, config, NFPROTO_IPV4, how, err));
	return to->listener[1] < 0 ? 0 : install_family(fd, config, NFPROTO_IPV6, how, err);
}

static int install_queued(
	const struct redirect_config *config, struct redirect *to, struct err *err)
{
	int r;

	if (config->first == REDIRECT_QUEUE_NONE)
		return err_set(err, -EOPNOTSUPP, "this kernel cannot");
	to->queue = open_netfilter(err);
	TRY(to->queue);
	TRY(bind_queue(to->queue, err));
	to->how = config->first;
	r = try_rules(config, to, to->how, err);
	if (r == 0)
		return 0;
	to->how = to->how == REDIRECT_QUEUE_OLD ? REDIRECT_QUEUE_NEW : REDIRECT_QUEUE_OLD;
	return try_rules(config, to, to->how, err);
}

static int install(const struct redirect_config *config, struct redirect *to, struct err *err)
{
	struct err no_queue = ERR_INIT;

	if (install_queued(config, to, &no_queue) == 0)
		return 0;
	fd_drop(&to->queue);
	to->how = REDIRECT_QUEUE_NONE;
	if (config->must_queue) {
		*err = no_queue;
		return err->code;
	}
	log_msg(LOG_DEBUG, "connections are accepted before they are made: %s", no_queue.text);
	return try_rules(config, to, to->how, err);
}

int redirect_install(const struct redirect_config *config, struct redirect *ret, struct err *err)
{
	struct redirect to = REDIRECT_INIT;
	struct err no_ipv6 = ERR_INIT;
	bool has_ipv6 = !IN6_IS_ADDR_UNSPECIFIED(&config->gateway6);
	int r;

	to.listener[0] = listen_on(AF_INET, err);
	TRY(to.listener[0]);
	if (has_ipv6)
		to.listener[1] = listen_on(AF_INET6, &no_ipv6); /* without it IPv6 is libslirp's */
	r = install(config, &to, err);
	if (r < 0) {
		redirect_done(&to);
		return r;
	}
	*ret = to;
	return 0;
}
