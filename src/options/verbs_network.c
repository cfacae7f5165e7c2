/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that deal with networks. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

/* NAME[=VALUE] into *map; the last of a name counts, as Docker has it. */
static int put_pair(struct json **map, const char *value, struct err *err)
{
	size_t len = strcspn(value, "=");
	autofree char *key = xstrndup(value, len);

	if (len == 0)
		return err_set(err, -EINVAL, "no name in front of '='");
	if (!*map)
		*map = json_new_map();
	json_put_string(*map, key, value[len] ? value + len + 1 : "");
	return 0;
}

static int create_label(void *target, const char *value, struct err *err)
{
	return put_pair(&((struct network_create_opts *)target)->labels, value, err);
}

static int create_aux(void *target, const char *value, struct err *err)
{
	struct network_create_opts *o = target;

	if (!strchr(value, '='))
		return err_set(err, -EINVAL, "%s must be formatted as key=value", value);
	TRY(put_pair(&o->aux, value, err));
	return json_len(o->aux) <= NETWORK_AUX_MAX
		       ? 0
		       : err_set(err, -EINVAL, "more than %d addresses", NETWORK_AUX_MAX);
}

static int create_option(void *target, const char *value, struct err *err)
{
	return put_pair(&((struct network_create_opts *)target)->options, value, err);
}

/* One of each family; the last of one counts, as with any option. */
static void put_of_family(char **v4, char **v6, const char *value)
{
	char **slot = strchr(value, ':') ? v6 : v4;

	free(*slot);
	*slot = xstrdup(value);
}

static int create_subnet(void *target, const char *value, struct err *err)
{
	struct network_create_opts *o = target;

	put_of_family(&o->subnet, &o->subnet6, value);
	return 0;
}

static int create_gateway(void *target, const char *value, struct err *err)
{
	struct network_create_opts *o = target;

	put_of_family(&o->gateway, &o->gateway6, value);
	return 0;
}

static int create_egress(void *target, const char *value, struct err *err)
{
	struct network_create_opts *o = target;

	TRY(check_egress(value, err));
	free(o->egress);
	o->egress = xstrdup(value);
	return 0;
}

#define CREATE struct network_create_opts
const struct opt network_create_table[] = {
	OPT_FLAG(0, "attachable", CREATE, attachable, "Accepted, as all networks are"),
	OPT_CALL(0, "aux-address", create_aux, "NAME=ADDRESS",
		"An address of the subnet that no container gets"),
	OPT_STRING('d', "driver", CREATE, driver, "DRIVER",
		"Network driver; there is only \"bridge\""),
	OPT_CALL(0, "egress", create_egress, "none|all|learn|LIST",
		"Its containers reach only these: NAME, *.NAME, CIDR, :PORT"),
	OPT_CALL(0, "gateway", create_gateway, "ADDRESS", "Address of the gateway and DNS"),
	OPT_FLAG(0, "internal", CREATE, internal, "Nothing leaves the network or comes in"),
	OPT_STRING(0, "ip-range", CREATE, ip_range, "CIDR",
		"Part of the subnet to give addresses from"),
	OPT_STRING(0, "ipam-driver", CREATE, ipam_driver, "DRIVER",
		"What chooses addresses; there is only \"default\""),
	OPT_FLAG(0, "ipv4", CREATE, ipv4, "Accepted, as every network has IPv4"),
	OPT_FLAG(0, "ipv6", CREATE, ipv6, "IPv6 beside IPv4"),
	OPT_CALL(0, "label", create_label, "NAME[=VALUE]", "Set a label"),
	OPT_CALL('o', "opt", create_option, "NAME=VALUE",
		"com.docker.network.driver.mtu=BYTES, or mtu=BYTES"),
	OPT_STRING(
		0, "scope", CREATE, scope, "SCOPE", "Where it is known; there is only \"local\""),
	OPT_CALL(0, "subnet", create_subnet, "CIDR", "Addresses of the network, of either family"),
	OPT_END,
};
#undef CREATE

int network_create_opts_parse(
	int argc, char **argv, struct network_create_opts *ret, struct err *err)
{
	struct network_create_opts o = { .ipv4 = true };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_NETWORK_CREATE, argv, &o, &operands, err);

	(void)argc;
	o.name = operands.n ? xstrdup(operands.v[0]) : NULL;
	if (r < 0)
		network_create_opts_done(&o);
	else
		*ret = o;
	return r;
}

void network_create_opts_done(struct network_create_opts *o)
{
	char *strings[] = { o->driver, o->gateway, o->ip_range, o->subnet, o->subnet6, o->gateway6,
		o->name, o->egress, o->ipam_driver, o->scope };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(strings[i]);
	json_free(o->labels);
	json_free(o->options);
	json_free(o->aux);
	*o = (struct network_create_opts){ 0 };
}

const struct opt network_log_table[] = {
	OPT_STRING(0, "format", struct network_log_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG(0, "list", struct network_log_opts, list,
		"Print what --egress would have to be for what was allowed"),
	OPT_END,
};

int network_log_opts_parse(int argc, char **argv, struct network_log_opts *ret, struct err *err)
{
	struct network_log_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_NETWORK_LOG, argv, &o, &operands, err);

	(void)argc;
	o.container = operands.n ? xstrdup(operands.v[0]) : NULL;
	if (r < 0)
		network_log_opts_done(&o);
	else
		*ret = o;
	return r;
}

void network_log_opts_done(struct network_log_opts *o)
{
	free(o->format);
	free(o->container);
	*o = (struct network_log_opts){ 0 };
}

static int ls_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct network_ls_opts *)target)->filters, value);
	return 0;
}

const struct opt network_ls_table[] = {
	OPT_CALL('f', "filter", ls_filter, "NAME=VALUE", "Show only networks that match"),
	OPT_STRING(0, "format", struct network_ls_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG(0, "no-trunc", struct network_ls_opts, no_trunc, "Do not shorten ids"),
	OPT_FLAG('q', "quiet", struct network_ls_opts, quiet, "Print ids only"),
	OPT_END,
};

int network_ls_opts_parse(int argc, char **argv, struct network_ls_opts *ret, struct err *err)
{
	struct network_ls_opts o = { 0 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(CMD_NETWORK_LS, argv, &o, &none, err);

	(void)argc;
	if (r < 0)
		network_ls_opts_done(&o);
	else
		*ret = o;
	return r;
}

void network_ls_opts_done(struct network_ls_opts *o)
{
	strv_done(&o->filters);
	free(o->format);
	*o = (struct network_ls_opts){ 0 };
}

const struct opt network_rm_table[] = {
	OPT_FLAG('f', "force", struct network_rm_opts, force,
		"No error if there is no such network"),
	OPT_END,
};

int network_rm_opts_parse(int argc, char **argv, struct network_rm_opts *ret, struct err *err)
{
	struct network_rm_opts o = { 0 };
	int r = opt_parse_command(CMD_NETWORK_RM, argv, &o, &o.names, err);

	(void)argc;
	if (r < 0)
		network_rm_opts_done(&o);
	else
		*ret = o;
	return r;
}

void network_rm_opts_done(struct network_rm_opts *o)
{
	strv_done(&o->names);
	*o = (struct network_rm_opts){ 0 };
}

const struct opt network_inspect_table[] = {
	OPT_STRING('f', "format", struct inspect_opts, format, "TEMPLATE", "json or a Go template"),
	OPT_FLAG('v', "verbose", struct inspect_opts, verbose,
		"Accepted; it tells of services of a swarm only"),
	OPT_END,
};

int network_inspect_opts_parse(int argc, char **argv, struct inspect_opts *ret, struct err *err)
{
	struct inspect_opts o = { 0 };
	int r = opt_parse_command(CMD_NETWORK_INSPECT, argv, &o, &o.names, err);

	(void)argc;
	o.type = xstrdup("network");
	if (r < 0)
		inspect_opts_done(&o);
	else
		*ret = o;
	return r;
}

static int prune_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct prune_opts *)target)->filters, value);
	return 0;
}

const struct opt network_prune_table[] = {
	OPT_CALL(0, "filter", prune_filter, "NAME=VALUE", "Remove only networks that match"),
	OPT_FLAG('f', "force", struct prune_opts, force, "Do not ask"),
	OPT_END,
};

int network_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err)
{
	struct prune_opts o = { 0 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(CMD_NETWORK_PRUNE, argv, &o, &none, err);

	(void)argc;
	if (r < 0)
		prune_opts_done(&o);
	else
		*ret = o;
	return r;
}
