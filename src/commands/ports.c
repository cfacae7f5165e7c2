/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PORTS column. Published ports come from the live record (where the host's side is known),
 * exposed ones from the configuration. As Docker writes it: neighbours that map to themselves are
 * joined to ranges ("8000-8001->8000-8001/tcp").
 */
#include "commands/common.h"

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"

struct port {
	char ip[48]; /* "" = not published */
	char proto[8];
	int64_t host, port;
};

struct ports {
	struct port *v;
	size_t n;
};

static void add_port(
	struct ports *ports, const char *ip, int64_t host, int64_t port, const char *proto)
{
	struct port *p;

	ports->v = xreallocarray(ports->v, ports->n + 1, sizeof(*ports->v));
	p = &ports->v[ports->n++];
	*p = (struct port){ .host = host, .port = port };
	snprintf(p->ip, sizeof(p->ip), "%s", ip);
	snprintf(p->proto, sizeof(p->proto), "%s", proto);
}

static bool published(const struct ports *ports, int64_t port, const char *proto)
{
	for (size_t i = 0; i < ports->n; i++)
		if (ports->v[i].port == port && strcmp(ports->v[i].proto, proto) == 0)
			return true;
	return false;
}

static void collect(const struct container *c, struct ports *ports)
{
	json_each (it, json_get(c->network, "ports")) {
		const char *ip = json_str(json_get(it.value, "ip"), "");

		add_port(ports, *ip ? ip : "0.0.0.0", json_int(json_get(it.value, "hostPort"), 0),
			json_int(json_get(it.value, "port"), 0),
			json_str(json_get(it.value, "proto"), "tcp"));
	}
	json_each (it, json_get(c->config, "exposedPorts")) {
		const char *text = json_str(it.value, "");
		const char *slash = strchr(text, '/');
		int64_t port = strtoll(text, NULL, 10);

		if (!published(ports, port, slash ? slash + 1 : "tcp"))
			add_port(ports, "", 0, port, slash ? slash + 1 : "tcp");
	}
}

static int order(const void *a, const void *b)
{
	const struct port *x = a, *y = b;
	int proto = strcmp(x->proto, y->proto), ip = strcmp(x->ip, y->ip);

	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	if (proto)
		return proto;
	return ip ? ip : (x->host > y->host) - (x->host < y->host);
}

/* May q join the range that began at p and has `len` members? */
static bool continues(const struct port *p, const struct port *q, int64_t len)
{
	if (strcmp(p->ip, q->ip) != 0 || strcmp(p->proto, q->proto) != 0 ||
		q->port != p->port + len)
		return false;
	return !*p->ip || (p->host == p->port && q->host == q->port);
}

static void add_number(struct buf *out, int64_t first, int64_t len)
{
	if (len > 1)
		buf_addf(out, "%lld-%lld", (long long)first, (long long)(first + len - 1));
	else
		buf_addf(out, "%lld", (long long)first);
}

static void add_text(struct buf *out, const struct port *p, int64_t len)
{
	if (out->len)
		buf_adds(out, ", ");
	if (*p->ip) {
		buf_addf(out, strchr(p->ip, ':') ? "[%s]:" : "%s:", p->ip);
		add_number(out, p->host, len);
		buf_adds(out, "->");
	}
	add_number(out, p->port, len);
	buf_addf(out, "/%s", p->proto);
}

void ports_text(const struct container *c, struct buf *out)
{
	struct ports ports = { 0 };

	if (!container_up(c))
		return;
	collect(c, &ports);
	if (ports.n)
		qsort(ports.v, ports.n, sizeof(*ports.v), order);
	for (size_t i = 0; i < ports.n;) {
		size_t len = 1;

		while (i + len < ports.n && continues(&ports.v[i], &ports.v[i + len], (int64_t)len))
			len++;
		add_text(out, &ports.v[i], (int64_t)len);
		i += len;
	}
	free(ports.v);
}
