/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that deal with one container's networks. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

#define CONNECT struct network_connect_opts
const struct opt network_connect_table[] = {
	OPT_LIST(0, "alias", CONNECT, endpoint.aliases, "NAME", "One more name on this network"),
	OPT_STRING(0, "ip", CONNECT, endpoint.ip, "ADDRESS", "IPv4 address on this network"),
	OPT_STRING(0, "ip6", CONNECT, endpoint.ip6, "ADDRESS", "IPv6 address on this network"),
	OPT_LIST(0, "link", CONNECT, endpoint.links, "CONTAINER[:ALIAS]",
		"Know another container by one more name"),
	OPT_STRING(0, "mac-address", CONNECT, endpoint.mac, "MAC", "MAC address on this network"),
	OPT_END,
};

const struct opt network_disconnect_table[] = {
	OPT_FLAG('f', "force", CONNECT, force, "No error if it is not connected"),
	OPT_END,
};
#undef CONNECT

static int parse_connect(
	enum command_id id, char **argv, struct network_connect_opts *ret, struct err *err)
{
	struct network_connect_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(id, argv, &o, &operands, err);

	if (r < 0) {
		network_connect_opts_done(&o);
		return r;
	}
	o.endpoint.network = xstrdup(operands.v[0]);
	o.container = xstrdup(operands.v[1]);
	*ret = o;
	return r;
}

int network_connect_opts_parse(
	int argc, char **argv, struct network_connect_opts *ret, struct err *err)
{
	(void)argc;
	return parse_connect(CMD_NETWORK_CONNECT, argv, ret, err);
}

int network_disconnect_opts_parse(
	int argc, char **argv, struct network_connect_opts *ret, struct err *err)
{
	(void)argc;
	return parse_connect(CMD_NETWORK_DISCONNECT, argv, ret, err);
}

void network_connect_opts_done(struct network_connect_opts *o)
{
	net_endpoint_done(&o->endpoint);
	free(o->container);
	*o = (struct network_connect_opts){ 0 };
}
