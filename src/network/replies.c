/* SPDX-License-Identifier: Apache-2.0 */
#include "network/replies.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/own.h"
#include "network/netlink.h"
#include "network/network.h"
#include "network/nft.h"
#include "network/wire.h"

#define REPLY_TABLE 5380
#define LO_INDEX    1 /* the kernel makes it first in every namespace */
#define KEEP        "keep"
#define KEEP_PRIO   (-150) /* after connection tracking (-200) */

static bool write_one(const char *path)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) == 1)
		return true;
	log_msg(LOG_DEBUG, "%s stays at its default: %s", path, strerror(errno));
	return false;
}

static bool write_sysctls(uint8_t family)
{
	return write_one("/proc/sys/net/ipv4/tcp_fwmark_accept") && /* of both families */
	       write_one(family == AF_INET ? "/proc/sys/net/ipv4/fwmark_reflect"
					   : "/proc/sys/net/ipv6/fwmark_reflect");
}

static bool add_route(uint8_t family)
{
	struct netlink nl = NETLINK_INIT;
	struct err why = ERR_INIT;
	const uint32_t mark = WIRE_MARK_CLIENT, table = REPLY_TABLE, index = LO_INDEX;
	const struct fib_rule_hdr rule = { .family = family, .action = FR_ACT_TO_TBL };
	const struct rtmsg route = {
		.rtm_family = family,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_HOST,
		.rtm_type = RTN_LOCAL,
	};

	netlink_add(&nl, "add the rule for answers", RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_body(&nl, &rule, sizeof(rule));
	netlink_attr(&nl, FRA_FWMARK, &mark, sizeof(mark));
	netlink_attr(&nl, FRA_TABLE, &table, sizeof(table));
	netlink_add(&nl, "add the route for answers", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_body(&nl, &route, sizeof(route));
	netlink_attr(&nl, RTA_TABLE, &table, sizeof(table));
	netlink_attr(&nl, RTA_OIF, &index, sizeof(index));
	if (netlink_run(&nl, &why) == 0)
		return true;
	log_msg(LOG_DEBUG, "clients over IPv%d appear as the container itself: %s",
		family == AF_INET ? 4 : 6, why.text);
	return false;
}

static void add_rules(struct netlink *nl)
{
	const uint8_t udp = IPPROTO_UDP;
	const uint32_t mark = WIRE_MARK_CLIENT;

	nft_table(nl);
	nft_chain(nl, KEEP, "route", KEEP_PRIO);
	nft_rule(nl, KEEP);
	nft_meta(nl, NFT_META_L4PROTO, NFT_CMP_NEQ, &udp, sizeof(udp));
	nft_verdict(nl, NF_ACCEPT);
	nft_rule_end(nl);
	nft_rule(nl, KEEP);
	nft_meta(nl, NFT_META_MARK, NFT_CMP_EQ, &mark, sizeof(mark));
	nft_mark_connection(nl, mark);
	nft_verdict(nl, NF_ACCEPT);
	nft_rule_end(nl);
	nft_rule(nl, KEEP);
	nft_connection_mark(nl, NFT_CMP_EQ, mark);
	nft_mark_packet(nl, mark);
	nft_rule_end(nl);
}

static bool track_datagrams(uint8_t family)
{
	struct netlink nl = NETLINK_INIT;
	struct err why = ERR_INIT;
	autofd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	nft_begin(&nl, family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6);
	add_rules(&nl);
	nft_end(&nl);
	if (fd < 0)
		(void)err_sys(&why, "open a netfilter socket"); /* its text is all that is wanted */
	else if (netlink_run_on(&nl, fd, &why) == 0)
		return true;
	log_msg(LOG_DEBUG, "UDP clients over IPv%d appear as the container itself: %s",
		family == AF_INET ? 4 : 6, why.text);
	return false;
}

unsigned replies_keep(bool datagrams, bool ipv6)
{
	unsigned kept = 0;

	if (write_sysctls(AF_INET) && add_route(AF_INET))
		kept |= NETWORK_REPLIES4;
	if (ipv6 && write_sysctls(AF_INET6) && add_route(AF_INET6))
		kept |= NETWORK_REPLIES6;
	if (datagrams && kept & NETWORK_REPLIES4 && track_datagrams(AF_INET))
		kept |= NETWORK_DATAGRAMS4;
	if (datagrams && kept & NETWORK_REPLIES6 && track_datagrams(AF_INET6))
		kept |= NETWORK_DATAGRAMS6;
	return kept;
}
