/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A launch's network: whose it shares, the files in /etc that belong to it, and its record.
 *
 * Containers that share a network share hosts, hostname and resolv.conf as Docker's do: the same inodes,
 * by hard links, so that any of them may be removed first and a third may share with the second.
 */
#include "commands/launch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "base/buf.h"
#include "commands/common.h"
#include "commands/endpoints.h"
#include "process/process.h"

/* ---- --network container:NAME ---- */

static int open_namespaces(struct launch *launch, const struct container *c, struct err *err)
{
	struct err gone = ERR_INIT;
	autofd int pidfd = state_pidfd(c->pid, c->pid_start, &gone);
	int r;

	if (pidfd < 0 && pidfd != -ENOSYS) {
		*err = gone;
		return pidfd;
	}
	r = process_share_network(c->pid, pidfd, &launch->idmap, &launch->network, err);
	return r < 0 ? err_wrap(err, "share the network of container %s", c->name) : 0;
}

int launch_share_network(struct launch *launch, struct err *err)
{
	struct network *net = &launch->network;
	autocontainer struct container c = CONTAINER_INIT;

	if (net->kind != NETWORK_CONTAINER)
		return 0;
	TRY(state_open(launch->globals, net->target, &c, err));
	if (strcmp(c.id, launch->id) == 0)
		return err_set(err, -EINVAL, "cannot join own network");
	if (!container_up(&c))
		return err_set(err, -ESRCH,
			"cannot join network of a non running container: %s. Start it first: sbx start %s",
			c.id, c.name);
	(void)snprintf(net->name, sizeof(net->name), "container:%s", c.id);
	TRY(open_namespaces(launch, &c, err));
	free(launch->shared_hostname);
	launch->shared_hostname = xstrdup(json_str(json_get(c.config, "hostname"), "localhost"));
	fd_drop(&launch->shared);
	launch->shared = open(c.run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return launch->shared < 0 ? fs_err(err, AT_FDCWD, c.run_path) : 0;
}

/* ---- --link CONTAINER[:ALIAS] ---- */

static int check_link(
	const struct network *net, const struct container *c, const char *alias, struct err *err)
{
	if (!*alias || strpbrk(alias, " \t\n"))
		return err_set(err, -EINVAL, "invalid link alias '%s'", alias);
	if (!container_up(c))
		return err_set(err, -EINVAL, "Cannot link to a non running container: /%s AS %s",
			c->name, alias);
	if (!container_endpoint_live(c, net->name))
		return err_set(err, -EINVAL,
			"Cannot link to /%s, as it does not belong to the network %s", c->name,
			net->name);
	return 0;
}

int launch_link(
	const struct launch *launch, const struct strv *links, struct network *net, struct err *err)
{
	strv_each (link, links) {
		size_t len = strcspn(*link, ":");
		autofree char *name = xstrndup(*link, len);
		autocontainer struct container c = CONTAINER_INIT;
		const char *alias = (*link)[len] ? *link + len + 1 : name, *ip;

		if (state_open(launch->globals, name, &c, err) < 0)
			return err_wrap(err, "could not get container for %s", name);
		TRY(check_link(net, &c, alias, err));
		ip = json_str(json_get(container_endpoint_live(&c, net->name), "ip"), "");
		strv_addf(&net->links, "%s\t%s %.12s%s%s", ip, alias, c.id,
			strcmp(alias, c.name) ? " " : "", strcmp(alias, c.name) ? c.name : "");
	}
	return 0;
}

/* ---- /etc/hosts, hostname, resolv.conf ---- */

static int write_file(struct launch *launch, const char *name, const char *text, struct err *err)
{
	autofree char *path = xasprintf("%s/%s", launch->container.run_path, name);
	autofd int fd = -EBADF;

	/* written in place: the inode is bind-mounted while the container runs */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fs_err(err, AT_FDCWD, path);
	if (fchmod(fd, 0644) < 0)
		return err_sys(err, "chmod '%s'", name);
	return fs_write_all(fd, text, strlen(text), err);
}

static int link_files(const struct launch *launch, struct err *err)
{
	static const char *const names[] = { "hosts", "resolv.conf", "hostname" };
	autofd int dir = open(launch->container.run_path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return fs_err(err, AT_FDCWD, launch->container.run_path);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (unlinkat(dir, names[i], 0) < 0 && errno != ENOENT)
			return fs_err(err, dir, names[i]);
		if (linkat(launch->shared, names[i], dir, names[i], 0) < 0)
			return err_sys(err, "share '%s' with container %s", names[i],
				launch->network.target);
	}
	return 0;
}

int launch_write_files(struct launch *launch, struct err *err)
{
	autofree char *hosts = NULL, *resolv = NULL, *hostname = NULL;
	autobuf struct buf all = BUF_INIT;

	if (launch->shared >= 0)
		return link_files(launch, err);
	TRY(network_hosts(&launch->network, launch->names, &hosts, err));
	buf_adds(&all, hosts);
	launch_more_hosts(launch, &all);
	TRY(launch_resolv(launch, &resolv, err));
	hostname = xasprintf("%s\n", launch->hostname);
	TRY(write_file(launch, "hosts", all.data, err));
	TRY(write_file(launch, "resolv.conf", resolv, err));
	return write_file(launch, "hostname", hostname, err);
}

/* ---- state.json's "network" ---- */

struct json *launch_network_record(const struct network *net)
{
	static const char *const protos[] = {
		[PUBLISH_TCP] = "tcp", [PUBLISH_UDP] = "udp", [PUBLISH_SCTP] = "sctp"
	};
	const unsigned char *ip = (const unsigned char *)&net->address;
	const unsigned char *gateway = (const unsigned char *)&net->gateway;
	struct json *record = json_new_map(), *ports = json_new_list();
	char text[64];

	if (net->kind == NETWORK_BRIDGE) {
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
		json_put_string(record, "ip", text);
		(void)snprintf(text, sizeof(text), "%u.%u.%u.%u", gateway[0], gateway[1],
			gateway[2], gateway[3]);
		json_put_string(record, "gateway", text);
		json_put_int(record, "prefix", net->prefix);
		(void)snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", net->mac[0],
			net->mac[1], net->mac[2], net->mac[3], net->mac[4], net->mac[5]);
		json_put_string(record, "mac", text);
	}
	if (!IN6_IS_ADDR_UNSPECIFIED(&net->address6)) {
		(void)inet_ntop(AF_INET6, &net->address6, text, sizeof(text));
		json_put_string(record, "ip6", text);
		(void)inet_ntop(AF_INET6, &net->gateway6, text, sizeof(text));
		json_put_string(record, "gateway6", text);
	}
	for (size_t i = 0; i < net->n_ports; i++) {
		struct json *port = json_new_map();

		json_put_string(port, "ip", net->ports[i].host_ip);
		json_put_int(port, "hostPort", net->ports[i].host_port);
		json_put_int(port, "port", net->ports[i].port);
		json_put_string(port, "proto", protos[net->ports[i].proto]);
		json_push(ports, port);
	}
	json_put(record, "ports", ports);
	return record;
}
