/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to the wanted network. Pure but for one warning. Addresses are checked here, so that
 * later steps meet only valid ones; whether a port is free is network_join()'s question.
 */
#include "network/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"

#define BIND_ENV "SBX_DEFAULT_BIND"

void network_done(struct network *net)
{
	free(net->ports);
	net->ports = NULL;
	net->n_ports = 0;
	strv_done(&net->dns);
	strv_done(&net->add_host);
	free(net->target);
	net->target = NULL;
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

/* What belongs to the container whose network is shared cannot be chosen here. Docker's words. */
static int plan_shared(
	const struct run_opts *opts, const char *target, struct network *net, struct err *err)
{
	const struct {
		bool given;
		const char *what;
	} conflicts[] = {
		{ opts->hostname, "hostname and the network mode" },
		{ opts->dns.n, "dns and the network mode" },
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

static int plan_kind(const struct run_opts *opts, struct network *net, struct err *err)
{
	const char *name = opts->network;

	net->kind = NETWORK_BRIDGE;
	if (!name || !*name || !strcmp(name, "bridge") || !strcmp(name, "default"))
		name = "bridge";
	else if (!strcmp(name, "host"))
		net->kind = NETWORK_HOST;
	else if (!strcmp(name, "none"))
		net->kind = NETWORK_NONE;
	else if (!strncmp(name, "container:", strlen("container:")))
		return plan_shared(opts, name + strlen("container:"), net, err);
	else
		return err_set(err, -ENOENT, "network %s not found", name);
	(void)snprintf(net->name, sizeof(net->name), "%s", name);
	return 0;
}

static bool is_address(const char *text)
{
	struct in6_addr addr;

	return inet_pton(AF_INET, text, &addr) == 1 || inet_pton(AF_INET6, text, &addr) == 1;
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
	TRY(plan_kind(opts, &net, err));
	TRY(plan_dns(opts, &net, err));
	if (net.kind == NETWORK_BRIDGE) {
		for (size_t i = 0; i < opts->n_ports; i++)
			add_port(&net, &opts->ports[i]);
		if (opts->publish_all && exposed)
			TRY(plan_exposed(exposed, &net, err));
		TRY(check_ports(&net, bind_to && *bind_to ? bind_to : NULL, err));
	} else if (opts->n_ports || opts->publish_all) {
		log_msg(LOG_WARN, "-p and -P are ignored with --network %s", net.name);
	}
	*ret = net;
	net = (struct network)NETWORK_INIT;
	return 0;
}
