/* SPDX-License-Identifier: Apache-2.0 */
#include "network/ports.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/own.h"

#define TABLE_MAX  (8 * 1024 * 1024)
#define TCP_LISTEN 0x0a
#define LOW_PATH   "/proc/sys/net/ipv4/ip_unprivileged_port_start"

bool ports_find_holder(const char *table, uint16_t port, enum publish_proto proto,
	uint64_t *ret_inode, uint32_t *ret_uid)
{
	for (const char *line = table; line; line = strchr(line, '\n')) {
		unsigned local, state;
		uint32_t uid;
		uint64_t inode;

		line += *line == '\n';
		/* "sl: local:port remote:port st tx:rx tr:when retrnsmt uid timeout inode" */
		if (sscanf(line,
			    " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %" SCNu32
			    " %*d %" SCNu64,
			    &local, &state, &uid, &inode) != 4)
			continue;
		if (local != port || (proto == PUBLISH_TCP && state != TCP_LISTEN))
			continue;
		*ret_inode = inode;
		*ret_uid = uid;
		return true;
	}
	return false;
}

static bool has_socket(const char *pid, const char *want)
{
	char path[64], link[64];
	struct dirent *entry;
	autodir DIR *dir = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (!strcmp(link, want))
			return true;
	}
	return false;
}

/* "node, pid 4711, yours": *text stays "another program" when the holder is not ours to see. */
static void describe_holder(uint64_t inode, uint32_t uid, char *text, size_t size)
{
	char want[48], path[64];
	struct dirent *entry;
	autodir DIR *proc = opendir("/proc");

	(void)snprintf(
		text, size, "another program of %s", uid == getuid() ? "yours" : "another user");
	(void)snprintf(want, sizeof(want), "socket:[%" PRIu64 "]", inode);
	while (proc && (entry = readdir(proc))) {
		struct err unread = ERR_INIT;
		autofree char *comm = NULL;

		if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, want))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
		if (fs_read_at(AT_FDCWD, path, 64, &comm, NULL, &unread) < 0)
			continue;
		comm[strcspn(comm, "\n")] = '\0';
		(void)snprintf(text, size, "%s, pid %.20s, %s", comm, entry->d_name,
			uid == getuid() ? "yours" : "another user's");
		return;
	}
}

static void find_holder(const struct publish *port, char *text, size_t size)
{
	static const char *const tables[2][2] = { { "/proc/net/tcp", "/proc/net/tcp6" },
		{ "/proc/net/udp", "/proc/net/udp6" } };

	(void)snprintf(text, size, "another program");
	for (int i = 0; i < 2; i++) {
		struct err unread = ERR_INIT;
		autofree char *table = NULL;
		uint64_t inode;
		uint32_t uid;

		if (fs_read_at(AT_FDCWD, tables[port->proto == PUBLISH_UDP][i], TABLE_MAX, &table,
			    NULL, &unread) < 0)
			continue;
		if (!ports_find_holder(table, port->host_port, port->proto, &inode, &uid))
			continue;
		describe_holder(inode, uid, text, size);
		return;
	}
}

static int explain_low(const struct publish *port, struct err *err)
{
	struct err unread = ERR_INIT;
	autofree char *limit = NULL;

	if (fs_read_at(AT_FDCWD, LOW_PATH, 32, &limit, NULL, &unread) == 0)
		limit[strcspn(limit, "\n")] = '\0';
	return err_id(err, -EACCES, "E-PORT-LOW",
		"only root may listen on port %u here (limit %s). Without root: -p %u:%u. "
		"With root: sysctl -w net.ipv4.ip_unprivileged_port_start=%u",
		port->host_port, limit && *limit ? limit : "1024", port->host_port + 8000,
		port->port, port->host_port);
}

int ports_explain(
	const struct publish *port, const struct err *why, const char *container, struct err *err)
{
	const char *proto = port->proto == PUBLISH_UDP ? "/udp" : "";
	char holder[160];

	if (why->code == -EACCES || why->code == -EPERM)
		return explain_low(port, err);
	if (why->code == -EADDRINUSE && port->host_last)
		return err_id(err, -EADDRINUSE, "E-PORT-USED",
			"all ports from %u to %u%s are in use. Choose other ones, or -p %u%s for any "
			"free one",
			port->host_port, port->host_last, proto, port->port, proto);
	if (why->code == -EADDRINUSE) {
		if (*container)
			(void)snprintf(holder, sizeof(holder), "container %s", container);
		else
			find_holder(port, holder, sizeof(holder));
		return err_id(err, -EADDRINUSE, "E-PORT-USED",
			"port %u%s is held by %s. Choose another one, for example -p %u:%u%s, or -p %u%s for any free "
			"one",
			port->host_port, proto, holder, port->host_port + 1, port->port, proto,
			port->port, proto);
	}
	if (why->code == -EADDRNOTAVAIL)
		return err_set(err, why->code, "publish port %u%s: this host has no address %s",
			port->host_port, proto, port->host_ip);
	*err = *why;
	return err_wrap(err, "publish port %u%s", port->host_port, proto);
}
