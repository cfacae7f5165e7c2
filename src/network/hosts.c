/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of a container's /etc/hosts and /etc/resolv.conf. Host files are foreign input here:
 * they are read with a size limit and only lines of known form are taken over.
 */
#include "network/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"

#define HOST_FILE_MAX (256 * 1024)
#define LINE_TAKEN    1024 /* longer "search" and "options" lines are left out */

static void add_line(struct buf *out, const char *address, const char *names)
{
	buf_addf(out, "%s\t%s\n", address, names);
}

static const char *format_address(struct in_addr addr, char text[INET_ADDRSTRLEN])
{
	return inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN); /* cannot fail with this size */
}

static void add_extra_hosts(const struct network *net, const char *host, struct buf *out)
{
	strv_each (entry, &net->add_host) {
		const char *sep = strpbrk(*entry, ":="); /* network_plan() has checked */
		const char *address = strcmp(sep + 1, "host-gateway") == 0 ? host : sep + 1;

		buf_adds(out, address);
		buf_addc(out, '\t');
		buf_add(out, *entry, (size_t)(sep - *entry));
		buf_addc(out, '\n');
	}
}

static void add_standard_hosts(struct buf *out)
{
	add_line(out, "127.0.0.1", "localhost");
	add_line(out, "::1", "localhost ip6-localhost ip6-loopback");
	add_line(out, "fe00::", "ip6-localnet");
	add_line(out, "ff00::", "ip6-mcastprefix");
	add_line(out, "ff02::1", "ip6-allnodes");
	add_line(out, "ff02::2", "ip6-allrouters");
}

static int read_host_file(const char *path, struct buf *out, struct err *err)
{
	autofree char *text = NULL;
	size_t len = 0;
	int r = fs_read_at(AT_FDCWD, path, HOST_FILE_MAX, &text, &len, err);

	if (r == -ENOENT) {
		*err = (struct err)
			ERR_INIT; /* a host without the file is a host with an empty one */
		return 0;
	}
	TRY(r);
	buf_add(out, text, len);
	if (len && text[len - 1] != '\n')
		buf_addc(out, '\n');
	return 0;
}

char *network_own_names(const char *hostname, const char *domain)
{
	autofree char *fqdn = domain ? xasprintf("%s.%s", hostname, domain) : xstrdup(hostname);
	size_t label = strcspn(fqdn, ".");

	return fqdn[label] ? xasprintf("%s %.*s", fqdn, (int)label, fqdn) : xstrdup(fqdn);
}

int network_hosts(const struct network *net, const char *names, char **ret, struct err *err)
{
	static const char internal[] = "host.containers.internal host.docker.internal";
	char own[INET_ADDRSTRLEN] = "127.0.0.1", host[INET_ADDRSTRLEN] = "127.0.0.1",
	     own6[INET6_ADDRSTRLEN];
	struct buf autobuf out = BUF_INIT;

	if (net->kind == NETWORK_BRIDGE) {
		format_address(net->address, own);
		format_address(net->host.s_addr ? net->host : net->gateway, host);
	}
	if (net->kind == NETWORK_HOST)
		TRY(read_host_file("/etc/hosts", &out, err));
	else
		add_standard_hosts(&out);
	add_extra_hosts(net, host, &out);
	strv_each (line, &net->links)
		buf_addf(&out, "%s\n", *line);
	if (net->kind != NETWORK_NONE && !net->internal)
		add_line(&out, host, internal);
	if (net->kind != NETWORK_HOST)
		add_line(&out, own, names);
	if (net->kind == NETWORK_BRIDGE && !IN6_IS_ADDR_UNSPECIFIED(&net->address6)) {
		(void)inet_ntop(AF_INET6, &net->address6, own6, sizeof(own6));
		add_line(&out, own6, names);
	}
	*ret = buf_steal(&out);
	return 0;
}

/* "search a b", unless the user said "." for none. */
static void add_words(struct buf *out, const char *key, const struct strv *words)
{
	if (!words->n || (words->n == 1 && !strcmp(words->v[0], ".")))
		return;
	buf_adds(out, key);
	strv_each (word, words)
		buf_addf(out, " %s", *word);
	buf_addc(out, '\n');
}

/* The host's "search" and "options" lines hold for the container too, unless it has its own; the
 * host's servers do not: they may be on its loopback. */
static int add_host_search(const struct network *net, struct buf *out, struct err *err)
{
	struct buf autobuf text = BUF_INIT;
	bool own_servers = net->kind == NETWORK_HOST &&
			   !net->dns.n; /* its loopback is the host's */
	const char *line;

	TRY(read_host_file("/etc/resolv.conf", &text, err));
	line = text.data;
	while (line && *line) {
		const char *end = strchrnul(line, '\n');
		size_t len = (size_t)(end - line);

		if (len <= LINE_TAKEN &&
			((!net->dns_search.n && !strncmp(line, "search ", 7)) ||
				(!net->dns_option.n && !strncmp(line, "options ", 8)) ||
				(own_servers && !strncmp(line, "nameserver ", 11)))) {
			buf_add(out, line, len);
			buf_addc(out, '\n');
		}
		line = *end ? end + 1 : end;
	}
	return 0;
}

bool network_asks_gateway(const struct network *net)
{
	return net->kind == NETWORK_BRIDGE && (!net->dns.n || *net->id || net->egress.n);
}

int network_resolv(const struct network *net, char **ret, struct err *err)
{
	struct buf autobuf out = BUF_INIT;
	char gateway[INET_ADDRSTRLEN];

	buf_adds(&out, ""); /* so that "no servers" is an empty string */
	if (net->kind == NETWORK_HOST && !net->dns.n && !net->dns_search.n && !net->dns_option.n) {
		TRY(read_host_file("/etc/resolv.conf", &out, err));
		*ret = buf_steal(&out);
		return 0;
	}
	if (net->kind != NETWORK_NONE)
		TRY(add_host_search(net, &out, err));
	add_words(&out, "search", &net->dns_search);
	add_words(&out, "options", &net->dns_option);
	if (!network_asks_gateway(net)) {
		strv_each (server, &net->dns)
			buf_addf(&out, "nameserver %s\n", *server);
	} else {
		buf_addf(&out, "nameserver %s\n", format_address(net->gateway, gateway));
	}
	*ret = buf_steal(&out);
	return 0;
}
