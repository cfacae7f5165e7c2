/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to the wanted network. Pure but for one warning. Addresses are checked here, so that
 * later steps meet only valid ones; whether a port is free is network_join()'s question.
 */
#include "network/network.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "network/subnet.h"
#include "network/subnet6.h"

#define LOOPBACK_SUFFIX ":host-loopback"
#define BIND_ENV        "SBX_DEFAULT_BIND"
#define LEAVE_MS        1000

/* First the tap: its last close takes long, and sbx-netstack does it aside. */
void network_gear_done(struct network_gear *gear)
{
	fd_drop(&gear->tap);
	for (int i = 0; i < NETWORK_FAST; i++)
		fd_drop(&gear->fast[i]);
	fd_drop(&gear->log[0]);
	fd_drop(&gear->log[1]);
}

void network_done(struct network *net)
{
	free(net->ports);
	net->ports = NULL;
	net->n_ports = 0;
	strv_done(&net->dns);
	strv_done(&net->dns_search);
	strv_done(&net->dns_option);
	strv_done(&net->add_host);
	strv_done(&net->aliases);
	strv_done(&net->links);
	strv_done(&net->egress);
	strv_done(&net->reserved);
	free(net->log_dir);
	net->log_dir = NULL;
	free(net->target);
	net->target = NULL;
	if (net->gear.tap > 0) /* a zeroed object owns nothing */
		network_gear_done(&net->gear);
	if (net->control > 0) /* a zeroed object owns nothing */
		fd_drop(&net->control);
	if (net->userns > 0)
		fd_drop(&net->userns);
	if (net->netns > 0)
		fd_drop(&net->netns);
	if (net->starting > 0)
		(void)spawn_wait(
			net->starting, &(struct err)ERR_INIT); /* only to leave no zombie */
	net->starting = 0;
}

void network_leave(struct network *net)
{
	struct pollfd other_end = { .fd = net->control };

	if (net->control <= 0)
		return;
	/* It hangs up last: every connection has its last line by then. */
	if (net->egress.n && net->log_dir && shutdown(net->control, SHUT_WR) == 0)
		(void)poll(&other_end, 1, LEAVE_MS);
	fd_drop(&net->control);
}

/* What belongs to the container whose network is shared cannot be chosen here. Docker's words. */
static int plan_shared(
	const struct run_opts *opts, const char *target, struct network *net, struct err *err)
{
	const struct {
		bool given;
		const char *what;
	} conflicts[] = {
		{ opts->hostname, "hostname and the network mode" },
		{ opts->links.n, "container type network can't be used with links. This would "
				 "result in undefined behavior" },
		{ opts->mac_address, "mac-address and the network mode" },
		{ opts->dns.n || opts->dns_search.n || opts->dns_option.n,
			"dns and the network mode" },
		{ opts->add_host.n, "custom host-to-IP mapping and the network mode" },
		{ opts->n_ports || opts->publish_all,
			"port publishing and the container type network mode" },
	};

	if (!*target)
		return err_set(err, -EINVAL, "invalid container format container:<name|id>");
	for (size_t i = 0; i < ARRAY_SIZE(conflicts); i++) {
		if (conflicts[i].given)
			return err_set(err, -EINVAL, "conflicting options: %s", conflicts[i].what);
	}
	net->kind = NETWORK_CONTAINER;
	net->target = xstrdup(target);
	(void)snprintf(net->name, sizeof(net->name), "container:%.64s", target);
	return 0;
}

/* A network that the user made. */
static int plan_named(
	const struct globals *globals, const char *name, struct network *net, struct err *err)
{
	autonetworkrecord struct network_record record = { 0 };
	struct subnet subnet, range = { 0 };

	TRY(network_open(globals, name, &record, err));
	TRY(subnet_parse(record.subnet, &subnet, err));
	if (*record.ip_range)
		TRY(subnet_parse(record.ip_range, &range, err));
	(void)inet_pton(AF_INET, record.gateway, &net->gateway); /* checked when it was read */
	if (*record.gateway6)
		(void)inet_pton(AF_INET6, record.gateway6, &net->gateway6);
	net->prefix = subnet.prefix;
	net->range = range.network;
	net->range_prefix = range.prefix;
	net->internal = record.internal;
	json_each (it, record.aux)
		strv_add(&net->reserved, json_str(it.value, ""));
	net->mtu = record.mtu;
	if (record.egress)
		strv_add(&net->egress, record.egress);
	memcpy(net->id, record.id, sizeof(net->id));
	(void)snprintf(net->name, sizeof(net->name), "%s", record.name);
	return 0;
}

/* "bridge:host-loopback=5432,6379", or without ports for all of them. Returns the name before it. */
static int split_loopback(const char *given, struct network *net, char **ret_name, struct err *err)
{
	const char *found = strstr(given, LOOPBACK_SUFFIX);
	const char *rest = found ? found + strlen(LOOPBACK_SUFFIX) : "";

	*ret_name = xasprintf("%.*s", found ? (int)(found - given) : (int)strlen(given), given);
	if (*rest && *rest != '=')
		return err_set(err, -EINVAL,
			"--network %s: want NETWORK" LOOPBACK_SUFFIX "[=PORT[,PORT]]", given);
	if (found && !*rest)
		net->loopback.all = true;
	return *rest ? parse_loopback_ports(rest + 1, &net->loopback, err) : 0;
}

/* Only a namespace of its own has a host beyond it, and only a network with a way out leads there. */
static int check_loopback(const struct network *net, struct err *err)
{
	if ((net->loopback.n || net->loopback.all) &&
		(net->kind != NETWORK_BRIDGE || net->internal))
		return err_set(err, -EINVAL,
			"conflicting options: --host-loopback and the network mode %s", net->name);
	return 0;
}

/* Rules hold where sbx-netstack carries what leaves. Who shares another's network has the other's rules. A report
 * wants a record, which only a container with rules has. */
static int plan_egress(const struct run_opts *opts, struct network *net, struct err *err)
{
	if (!opts->egress) {
		if ((opts->report || opts->policy_learn) && net->kind == NETWORK_BRIDGE)
			strv_add(&net->egress, "all");
		return 0;
	}
	if (net->kind == NETWORK_HOST || net->kind == NETWORK_CONTAINER)
		return err_set(err, -EINVAL,
			"conflicting options: --egress and the network mode %s, where nothing could keep "
			"to it",
			net->name);
	strv_add(&net->egress, opts->egress);
	return 0;
}

static int plan_kind(const struct globals *globals, const struct run_opts *opts,
	struct network *net, struct err *err)
{
	const char *given = opts->network ? opts->network : "";
	autofree char *name = NULL;

	net->kind = NETWORK_BRIDGE;
	net->loopback = opts->host_loopback;
	if (!strncmp(given, "container:", strlen("container:")))
		return plan_shared(opts, given + strlen("container:"), net, err);
	TRY(split_loopback(given, net, &name, err));
	(void)snprintf(net->name, sizeof(net->name), "bridge");
	if (!*name || !strcmp(name, "bridge") || !strcmp(name, "default"))
		return 0;
	if (!strcmp(name, "host"))
		net->kind = NETWORK_HOST;
	else if (!strcmp(name, "none"))
		net->kind = NETWORK_NONE;
	else
		return plan_named(globals, name, net, err);
	(void)snprintf(net->name, sizeof(net->name), "%s", name);
	return 0;
}

/* "02:42:ac:11:00:02" */
static int parse_mac(const char *text, uint8_t ret[6], struct err *err)
{
	unsigned byte[6];
	char rest;

	if (strlen(text) != 17 || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1],
					  &byte[2], &byte[3], &byte[4], &byte[5], &rest) != 6)
		return err_set(err, -EINVAL, "%s is not a valid mac address", text);
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)byte[i];
	if (ret[0] & 1)
		return err_set(err, -EINVAL, "%s is not the MAC address of one interface", text);
	return 0;
}

static int plan_ip(const char *text, struct network *net, struct err *err)
{
	struct subnet subnet = { .prefix = net->prefix };

	if (inet_pton(AF_INET, text, &net->address) != 1)
		return err_set(err, -EINVAL, "invalid IPv4 address: %s", text);
	if (!*net->id)
		return err_set(err, -EINVAL,
			"user specified IP address is supported on user defined networks only");
	subnet.network.s_addr = net->gateway.s_addr & htonl(UINT32_MAX << (32 - net->prefix));
	if (!subnet_has_host(&subnet, net->address))
		return err_set(err, -EINVAL,
			"invalid endpoint settings: no configured subnet contains IP address %s",
			text);
	net->exact = true;
	return 0;
}

static int plan_ip6(const char *text, struct network *net, struct err *err)
{
	if (inet_pton(AF_INET6, text, &net->address6) != 1)
		return err_set(err, -EINVAL, "invalid IPv6 address: %s", text);
	if (!*net->id)
		return err_set(err, -EINVAL,
			"user specified IP address is supported on user defined networks only");
	if (IN6_IS_ADDR_UNSPECIFIED(&net->gateway6) ||
		memcmp(&net->address6, &net->gateway6, SUBNET6_BYTES) != 0)
		return err_set(err, -EINVAL,
			"invalid endpoint settings: no configured subnet contains IP address %s",
			text);
	net->exact6 = true;
	return 0;
}

/* What only a network of one's own, or only one that the user made, can have. */
static int plan_endpoint(const struct run_opts *opts, struct network *net, struct err *err)
{
	if (net->kind == NETWORK_CONTAINER)
		return 0;
	if (opts->network_alias.n && !*net->id)
		return err_set(err, -EINVAL,
			"network-scoped alias is supported only for containers in user defined "
			"networks");
	if (opts->links.n && net->kind == NETWORK_HOST)
		return err_set(err, -EINVAL,
			"conflicting options: host type networking can't be used with links. This "
			"would result in undefined behavior");
	strv_each (alias, &opts->network_alias) {
		if (!**alias || strlen(*alias) > 63 || strpbrk(*alias, " \t\n/\\"))
			return err_set(err, -EINVAL, "invalid network alias '%s'", *alias);
	}
	strv_extend(&net->aliases, &opts->network_alias);
	if (opts->mac_address)
		TRY(parse_mac(opts->mac_address, net->mac, err));
	if (opts->ip)
		TRY(plan_ip(opts->ip, net, err));
	return opts->ip6 ? plan_ip6(opts->ip6, net, err) : 0;
}

static bool is_address(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1 || inet_pton(AF_INET6, text, &addr) == 1;
}

/* One word each: they become lines of resolv.conf. */
static int plan_search(const struct run_opts *opts, struct network *net, struct err *err)
{
	strv_each (domain, &opts->dns_search) {
		if (!**domain || strlen(*domain) > 253 || strpbrk(*domain, " \t\n#;"))
			return err_set(err, -EINVAL, "%s is not a valid domain", *domain);
	}
	strv_each (option, &opts->dns_option) {
		if (!**option || strpbrk(*option, " \t\n#;"))
			return err_set(err, -EINVAL, "--dns-option '%s': want one word", *option);
	}
	strv_extend(&net->dns_search, &opts->dns_search);
	strv_extend(&net->dns_option, &opts->dns_option);
	return 0;
}

static int plan_dns(const struct run_opts *opts, struct network *net, struct err *err)
{
	strv_each (server, &opts->dns) {
		if (!is_address(*server))
			return err_set(err, -EINVAL, "--dns %s: not an IP address", *server);
	}
	strv_each (host, &opts->add_host) {
		const char *sep = strpbrk(*host, ":=");

		if (!sep || sep == *host || strpbrk(*host, " \t\n") ||
			(strcmp(sep + 1, "host-gateway") && !is_address(sep + 1)))
			return err_set(err, -EINVAL,
				"--add-host %s: want NAME:ADDRESS or NAME:host-gateway", *host);
	}
	TRY(plan_search(opts, net, err));
	strv_extend(&net->dns, &opts->dns);
	strv_extend(&net->add_host, &opts->add_host);
	return 0;
}

static void add_port(struct network *net, const struct publish *port)
{
	net->ports = xreallocarray(net->ports, net->n_ports + 1, sizeof(*net->ports));
	net->ports[net->n_ports++] = *port;
}

static bool is_published(const struct network *net, uint16_t port, enum publish_proto proto)
{
	for (size_t i = 0; i < net->n_ports; i++) {
		if (net->ports[i].port == port && net->ports[i].proto == proto)
			return true;
	}
	return false;
}

/* "6379/tcp", "53/udp" or "80", as an image's ExposedPorts has them. */
static int parse_exposed(const char *text, struct publish *ret, struct err *err)
{
	struct publish port = { .proto = PUBLISH_TCP };
	char *end = NULL;
	long number = strtol(text, &end, 10);

	if (end == text || number < 1 || number > UINT16_MAX)
		return err_set(err, -EINVAL, "the image exposes '%s', which is no port", text);
	if (!strcmp(end, "/udp"))
		port.proto = PUBLISH_UDP;
	else if (!strcmp(end, "/sctp"))
		port.proto = PUBLISH_SCTP;
	else if (*end && strcmp(end, "/tcp") != 0)
		return err_set(err, -EINVAL, "the image exposes '%s', which is no port", text);
	port.port = (uint16_t)number;
	*ret = port;
	return 0;
}

static int plan_exposed(const struct strv *exposed, struct network *net, struct err *err)
{
	strv_each (text, exposed) {
		struct publish port;

		TRY(parse_exposed(*text, &port, err));
		if (!is_published(net, port.port, port.proto))
			add_port(net, &port);
	}
	return 0;
}

/* Every address of the host contains each of them. */
static bool same_socket(const struct publish *a, const struct publish *b)
{
	return a->proto == b->proto && a->host_port && a->host_port == b->host_port &&
	       !a->host_last && !b->host_last &&
	       (!a->host_ip[0] || !b->host_ip[0] || !strcmp(a->host_ip, b->host_ip));
}

/* Otherwise the second one would be told that sbx-netstack holds it. The very same words twice mean once. */
static int check_twice(struct network *net, struct err *err)
{
	for (size_t i = 1; i < net->n_ports; i++) {
		const struct publish *port = &net->ports[i];
		size_t j = 0;

		while (j < i && !same_socket(port, &net->ports[j]))
			j++;
		if (j == i)
			continue;
		if (port->port != net->ports[j].port ||
			strcmp(port->host_ip, net->ports[j].host_ip) != 0)
			return err_set(err, -EINVAL,
				"-p: port %u of the host is published twice in this command, for %u and "
				"for %u",
				port->host_port, net->ports[j].port, port->port);
		memmove(&net->ports[i], &net->ports[i + 1],
			(net->n_ports - i - 1) * sizeof(*net->ports));
		net->n_ports--;
		i--;
	}
	return 0;
}

static int check_ports(struct network *net, const char *bind_to, struct err *err)
{
	for (size_t i = 0; i < net->n_ports; i++) {
		struct publish *port = &net->ports[i];

		if (port->proto == PUBLISH_SCTP)
			return err_set(err, -EOPNOTSUPP,
				"-p %u/sctp: only tcp and udp ports can be published without root",
				port->port);
		if (!port->host_ip[0] && bind_to)
			(void)snprintf(port->host_ip, sizeof(port->host_ip), "%s", bind_to);
		if (port->host_ip[0] && !is_address(port->host_ip))
			return err_set(err, -EINVAL, "-p %s:%u:%u: not an IP address",
				port->host_ip, port->host_port, port->port);
	}
	return 0;
}

int network_plan(const struct globals *globals, const struct run_opts *opts,
	const struct strv *exposed, struct network *ret, struct err *err)
{
	struct network autonetwork net = NETWORK_INIT;
	const char *bind_to = getenv(BIND_ENV);

	net.runroot = globals->runroot;
	TRY(plan_kind(globals, opts, &net, err));
	TRY(check_loopback(&net, err));
	TRY(plan_egress(opts, &net, err));
	TRY(plan_endpoint(opts, &net, err));
	TRY(plan_dns(opts, &net, err));
	if (net.internal && (opts->n_ports || opts->publish_all)) {
		log_msg(LOG_WARN, "-p and -P are ignored with --network %s, which is internal",
			net.name);
	} else if (net.kind == NETWORK_BRIDGE) {
		for (size_t i = 0; i < opts->n_ports; i++)
			add_port(&net, &opts->ports[i]);
		if (opts->publish_all && exposed)
			TRY(plan_exposed(exposed, &net, err));
		TRY(check_ports(&net, bind_to && *bind_to ? bind_to : NULL, err));
		TRY(check_twice(&net, err));
	} else if (opts->n_ports || opts->publish_all) {
		log_msg(LOG_WARN, "-p and -P are ignored with --network %s", net.name);
	}
	*ret = net;
	net = (struct network)NETWORK_INIT;
	return 0;
}
