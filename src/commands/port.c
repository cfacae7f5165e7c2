/* SPDX-License-Identifier: Apache-2.0 */
/* port: where the ports of a running container are published on the host. */
#include "commands/commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "options/verbs.h"

struct wanted {
	int64_t port;
	const char *proto;
};

static int parse_wanted(const char *text, struct wanted *ret, struct err *err)
{
	const char *slash = strchr(text, '/');
	char *end;

	errno = 0;
	ret->port = strtoll(text, &end, 10);
	ret->proto = slash ? slash + 1 : "tcp";
	if (errno || end == text || (*end && *end != '/') || ret->port < 0 || ret->port > 65535)
		return err_set(err, -EINVAL,
			"invalid port '%s': a number up to 65535, and /udp for UDP", text);
	return 0;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_host(const struct json *port, struct buf *out)
{
	const char *ip = json_str(json_get(port, "ip"), "");

	buf_addf(out, strchr(ip, ':') ? "[%s]:%lld" : "%s:%lld", *ip ? ip : "0.0.0.0",
		(long long)json_int(json_get(port, "hostPort"), 0));
}

/* Lines for all ports, or for one. */
static void collect(const struct container *c, const struct wanted *wanted, struct strv *ret)
{
	json_each (it, json_get(c->network, "ports")) {
		int64_t port = json_int(json_get(it.value, "port"), 0);
		const char *proto = json_str(json_get(it.value, "proto"), "tcp");
		autobuf struct buf line = BUF_INIT;

		if (wanted && (wanted->port != port || strcmp(wanted->proto, proto) != 0))
			continue;
		if (!wanted)
			buf_addf(&line, "%lld/%s -> ", (long long)port, proto);
		add_host(it.value, &line);
		strv_add(ret, line.data);
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_line);
}

int cmd_port(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(port_opts_done))) struct port_opts opts = { 0 };
	autocontainer struct container c = CONTAINER_INIT;
	autostrv struct strv lines = STRV_INIT;
	struct wanted wanted = { 0 };

	TRY(port_opts_parse(argc, argv, &opts, err));
	if (opts.port)
		TRY(parse_wanted(opts.port, &wanted, err));
	TRY(state_open(globals, opts.container, &c, err));
	if (container_up(&c))
		collect(&c, opts.port ? &wanted : NULL, &lines);
	if (opts.port && lines.n == 0)
		return err_set(err, -ENOENT, "no public port '%lld/%s' published for %s",
			(long long)wanted.port, wanted.proto, opts.container);
	strv_each (line, &lines)
		TRY(out_line(*line, err));
	return 0;
}
