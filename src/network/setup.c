/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's part: makes the devices of a new network namespace. Runs with CAP_NET_ADMIN over it,
 * before the root changes, so that the caller's /dev/net/tun and /proc can be opened. /proc/sys/net
 * shows the namespace of whoever opens it, hence the child's own here.
 *
 * A sysctl that cannot be written (an outer container's read-only /proc) is left at its default: then
 * ping and ports below 1024 need capabilities inside, nothing else changes.
 */
#include "network/network.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "network/netlink.h"
#include "network/redirect.h"
#include "network/replies.h"
#include "network/subnet6.h"
#include "network/wire.h"

#define TAP_NAME  "eth"
#define TUN_PATH  "/dev/net/tun"
#define LO_INDEX  1              /* the kernel makes it first in every namespace */
#define HINT      "queue"        /* in <runroot>/networks */
#define SLOW_ENV  "SBX_NET_SLOW" /* libslirp alone: for comparisons, and where the fast way fails */
#define TAP_QUEUE 1000 /* frames; the default, said because shorter queues lose bulk transfers */

static bool write_sysctl(const char *name, const char *value)
{
	char path[128];
	autofd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value))
		return true;
	log_msg(LOG_DEBUG, "%s stays at its default: %s", path, strerror(errno));
	return false;
}

/* The kernel takes only group ids that the user namespace maps: all, a subordinate range, one. */
static void allow_ping(void)
{
	static const char *const ranges[] = { "0 2147483647", "0 65535", "0 0" };

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (write_sysctl("ipv4/ping_group_range", ranges[i]))
			return;
	}
}

/* Connections in here end on this machine: at a neighbour, or at sbx-netstack, whose own sockets go on to the world
 * with the host's algorithm. One that paces, such as bbr, makes a hop through memory three times slower. */
static void choose_congestion_control(void)
{
	if (!write_sysctl("ipv4/tcp_congestion_control", "cubic"))
		(void)write_sysctl("ipv4/tcp_congestion_control", "reno"); /* always there */
}

static void write_sysctls(void)
{
	allow_ping();
	choose_congestion_control();
	(void)write_sysctl("ipv4/ip_unprivileged_port_start", "0");
	/* All clients on the host's loopback appear as the gateway: without it 28,000 connections in a minute
	 * use up its ports, each held in TIME_WAIT. A second later it is safe (RFC 6191). */
	(void)write_sysctl("ipv4/tcp_tw_reuse", "1");
	/* No router on the segment may configure us. "default" counts for devices made later. */
	(void)write_sysctl("ipv6/conf/default/accept_ra", "0");
}

static int no_tun(struct err *err, int code, const char *why)
{
	return err_id(err, code, "E-NET-NOTUN",
		"%s %s, so containers cannot have a network of their own. Without root: --network host shares "
		"the host's network (less isolated), --network none has none. With root: modprobe tun; "
		"chmod 666 %s",
		TUN_PATH, why, TUN_PATH);
}

static int open_tap(const char *name, int *ret_tap, struct err *err)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	autofd int fd = open(TUN_PATH, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return no_tun(err, -errno, "may not be opened");
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO || errno == ENOTDIR))
		return no_tun(err, -errno, "is missing");
	if (fd < 0)
		return err_sys(err, "open %s", TUN_PATH);
	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return err_sys(err, "make the network device %s", name);
	*ret_tap = move_fd(&fd);
	return 0;
}

static void add_lo(struct netlink *nl)
{
	struct ifinfomsg lo = { .ifi_index = LO_INDEX, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	netlink_add(nl, "bring up lo", RTM_NEWLINK, 0);
	netlink_body(nl, &lo, sizeof(lo));
}

static void add_tap(struct netlink *nl, const struct network *net, int index)
{
	struct ifinfomsg link = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct ifaddrmsg addr = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = (uint8_t)net->prefix,
		.ifa_index = (uint32_t)index,
	};
	struct in_addr broadcast = net->address;
	uint32_t mtu = (uint32_t)net->mtu, queue = TAP_QUEUE;

	broadcast.s_addr |= htonl(UINT32_MAX >> net->prefix);
	netlink_add(nl, "bring up the device", RTM_NEWLINK, 0);
	netlink_body(nl, &link, sizeof(link));
	netlink_attr(nl, IFLA_ADDRESS, net->mac, sizeof(net->mac));
	netlink_attr(nl, IFLA_MTU, &mtu, sizeof(mtu));
	netlink_attr(nl, IFLA_TXQLEN, &queue, sizeof(queue));
	netlink_add(nl, "set the address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	netlink_body(nl, &addr, sizeof(addr));
	netlink_attr(nl, IFA_LOCAL, &net->address, sizeof(net->address));
	netlink_attr(nl, IFA_ADDRESS, &net->address, sizeof(net->address));
	netlink_attr(nl, IFA_BROADCAST, &broadcast, sizeof(broadcast));
}

static void add_route(struct netlink *nl, const struct network *net, int index)
{
	struct rtmsg route = {
		.rtm_family = AF_INET,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};

	if (net->internal)
		return; /* then "network is unreachable" comes at once */
	netlink_add(nl, "set the default route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_body(nl, &route, sizeof(route));
	netlink_attr(nl, RTA_GATEWAY, &net->gateway, sizeof(net->gateway));
	netlink_attr(nl, RTA_OIF, &index, sizeof(index));
}

static bool has_ipv6(const struct network *net)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&net->gateway6);
}

/* Nobody else can have the address, so it is not asked for first. */
static void add_address6(struct netlink *nl, const struct network *net, int index)
{
	const struct ifaddrmsg addr = {
		.ifa_family = AF_INET6,
		.ifa_prefixlen = SUBNET6_PREFIX,
		.ifa_flags = IFA_F_NODAD,
		.ifa_index = (uint32_t)index,
	};

	netlink_add(nl, "set the IPv6 address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	netlink_body(nl, &addr, sizeof(addr));
	netlink_attr(nl, IFA_ADDRESS, &net->address6, sizeof(net->address6));
}

static void add_route6(struct netlink *nl, const struct network *net, int index)
{
	const struct rtmsg route = {
		.rtm_family = AF_INET6,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};

	if (net->internal)
		return;
	netlink_add(nl, "set the IPv6 default route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	netlink_body(nl, &route, sizeof(route));
	netlink_attr(nl, RTA_GATEWAY, &net->gateway6, sizeof(net->gateway6));
	netlink_attr(nl, RTA_OIF, &index, sizeof(index));
}

/* What redirect_install() found this kernel to have, for the next container; gone with the boot. */
static enum redirect_queue recall(const struct network *net)
{
	autofree char *path = xasprintf("%s/networks/" HINT, net->runroot);
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	char digit;

	if (fd < 0 || read(fd, &digit, 1) != 1 || digit < '0' || digit > '0' + REDIRECT_QUEUE_NONE)
		return REDIRECT_QUEUE_OLD;
	return (enum redirect_queue)(digit - '0');
}

static void remember(const struct network *net, enum redirect_queue how)
{
	autofree char *path = xasprintf("%s/networks/" HINT, net->runroot);
	autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char digit = (char)('0' + how);

	if (fd < 0 || write(fd, &digit, 1) != 1)
		log_msg(LOG_DEBUG, "write %s: %s", path,
			strerror(errno)); /* only slower next time */
}

/* Without it all goes through the tap and libslirp, only slower: what the kernel lacks is no error. */
static void set_up_fast_way(const struct network *net, unsigned index, struct network_gear *gear)
{
	struct redirect_config config = {
		.index = index, .gateway = net->gateway, .first = recall(net)
	};
	struct redirect redirect = REDIRECT_INIT;
	struct err why = ERR_INIT;

	config.mask.s_addr = htonl(UINT32_MAX << (32 - net->prefix));
	config.network.s_addr = net->gateway.s_addr & config.mask.s_addr;
	config.gateway6 = net->gateway6;
	if (net->internal || getenv(SLOW_ENV))
		return;
	if (redirect_install(&config, &redirect, &why) < 0) {
		log_msg(LOG_DEBUG, "libslirp carries TCP: %s", why.text);
		return;
	}
	if (redirect.how != config.first)
		remember(net, redirect.how);
	gear->fast[NETWORK_LISTEN4] = redirect.listener[0];
	gear->fast[NETWORK_LISTEN6] = redirect.listener[1];
	gear->fast[NETWORK_QUEUE] = redirect.queue;
}

static int run_unless_there(struct netlink *nl, struct err *err)
{
	struct err why = ERR_INIT;
	int r = netlink_run(nl, &why);

	if (r < 0 && r != -EEXIST)
		*err = why;
	return r == -EEXIST ? 0 : r;
}

/* A further network of a running container: no more than its device is ours to change. */
static int set_up_further(const struct network *net, int index, struct err *err)
{
	struct netlink device = NETLINK_INIT, route = NETLINK_INIT, route6 = NETLINK_INIT;

	add_tap(&device, net, index);
	if (has_ipv6(net))
		add_address6(&device, net, index);
	TRY(netlink_run(&device, err));
	if (net->internal)
		return 0;
	add_route(&route, net, index);
	TRY(run_unless_there(&route, err));
	if (!has_ipv6(net))
		return 0;
	add_route6(&route6, net, index);
	return run_unless_there(&route6, err);
}

static bool wants_datagrams(const struct network *net)
{
	for (size_t i = 0; i < net->n_ports; i++) {
		if (net->ports[i].proto == PUBLISH_UDP)
			return true;
	}
	return false;
}

int network_setup(const struct network *net, struct network_gear *ret, struct err *err)
{
	struct network_gear gear __attribute__((cleanup(network_gear_done))) = NETWORK_GEAR_INIT;
	struct netlink nl = NETLINK_INIT;
	char name[IF_NAMESIZE];
	unsigned index = 0;

	*ret = gear;
	if (net->kind == NETWORK_HOST || net->kind == NETWORK_CONTAINER)
		return 0;
	if (!net->index)
		write_sysctls(); /* before there is a device: it takes the defaults over */
	if (net->kind == NETWORK_BRIDGE) {
		(void)snprintf(name, sizeof(name), TAP_NAME "%u", net->index);
		TRY(open_tap(name, &gear.tap, err));
		index = if_nametoindex(name);
		if (!index)
			return err_sys(err, "find the network device %s", name);
	}
	if (net->index) {
		TRY(set_up_further(net, (int)index, err));
	} else {
		add_lo(&nl);
		if (index) {
			add_tap(&nl, net, (int)index);
			add_route(&nl, net, (int)index);
		}
		if (index && has_ipv6(net)) {
			add_address6(&nl, net, (int)index);
			add_route6(&nl, net, (int)index);
		}
		TRY(netlink_run(&nl, err));
	}
	if (index && !net->index)
		set_up_fast_way(net, index, &gear);
	if ((net->loopback.n || net->loopback.all) && gear.fast[NETWORK_LISTEN4] < 0)
		return err_set(err, -EOPNOTSUPP,
			"--host-loopback: this kernel does not let containers' connections be "
			"redirected (nf_tables NAT in user namespaces)");
	if (index && net->n_ports && !getenv(SLOW_ENV))
		gear.replies = replies_keep(wants_datagrams(net), has_ipv6(net));
	*ret = gear;
	gear = (struct network_gear)NETWORK_GEAR_INIT;
	return 0;
}

static int probe(void *data, struct err *err)
{
	const struct redirect_config config = { .index = LO_INDEX };
	struct redirect redirect = REDIRECT_INIT;
	struct netlink nl = NETLINK_INIT;
	struct err why = ERR_INIT;
	int can = 0;
	unsigned replies;

	add_lo(&nl);
	TRY(netlink_run(&nl, err));
	if (redirect_install(&config, &redirect, &why) == 0)
		can = NETWORK_CAN_REDIRECT | (redirect.queue >= 0 ? NETWORK_CAN_HOLD : 0);
	redirect_done(&redirect);
	replies = replies_keep(true, false);
	return can | (replies & NETWORK_REPLIES4 ? NETWORK_CAN_KEEP : 0) |
	       (replies & NETWORK_DATAGRAMS4 ? NETWORK_CAN_KEEP_UDP : 0);
}

int network_probe(const struct idmap *map, struct err *err)
{
	return userns_run(map, CLONE_NEWNET, probe, NULL, err);
}
