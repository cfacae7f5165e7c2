/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network create, inspect, ls, prune and rm: the user's networks and the three that are always there,
 * with Docker's words. A network is in use while a running container is on it.
 */
#include "commands/commands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/endpoints.h"
#include "commands/output.h"
#include "network/network.h"
#include "options/verbs.h"

#define TABLE   "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}"
#define TYPE    "*formatter.networkContext"
#define MTU_OPT "com.docker.network.driver.mtu"
#define BRIDGE  "com.docker.network.bridge."

static const struct {
	const char *name, *driver;
} builtins[] = { { "bridge", "bridge" }, { "host", "host" }, { "none", "null" } };

static int find_builtin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return (int)i;
	return -1;
}

static const char *driver_of(const struct network_record *net)
{
	int i = find_builtin(net->name);

	return i < 0 ? "bridge" : builtins[i].driver;
}

/* They have no record; an id that never changes is all that lists need. */
static void make_builtin(int index, struct network_record *ret)
{
	*ret = (struct network_record){ 0 };
	(void)snprintf(ret->name, sizeof(ret->name), "%s", builtins[index].name);
	sha256_hex(ret->name, strlen(ret->name), ret->id);
}

/* By the beginning of an id that `network ls` shows; -1 when none or several begin so. */
static int find_builtin_id(const char *prefix)
{
	int found = -1;

	for (size_t i = 0; i < ARRAY_SIZE(builtins) && *prefix; i++) {
		autonetworkrecord struct network_record net = { 0 };

		make_builtin((int)i, &net);
		if (strncmp(net.id, prefix, strlen(prefix)) == 0)
			found = found < 0 ? (int)i : (int)ARRAY_SIZE(builtins);
	}
	return found < (int)ARRAY_SIZE(builtins) ? found : -1;
}

struct networks {
	struct network_record *list; /* by name, the built-in ones included */
	size_t n;
	struct container *containers;
	size_t n_containers;
};

static void networks_done(struct networks *all)
{
	for (size_t i = 0; i < all->n; i++)
		network_record_done(&all->list[i]);
	free(all->list);
	state_list_free(all->containers, all->n_containers);
}
#define autonetworks __attribute__((cleanup(networks_done)))

static int by_name(const void *a, const void *b)
{
	const struct network_record *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int networks_read(const struct globals *globals, struct networks *ret, struct err *err)
{
	TRY(state_list(globals, &ret->containers, &ret->n_containers, err));
	TRY(network_list(globals, &ret->list, &ret->n, err));
	ret->list = xreallocarray(ret->list, ret->n + ARRAY_SIZE(builtins), sizeof(*ret->list));
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		make_builtin((int)i, &ret->list[ret->n++]);
	qsort(ret->list, ret->n, sizeof(*ret->list), by_name);
	return 0;
}

static bool is_member(const struct container *c, const struct network_record *net)
{
	return container_on_network(c, net->name);
}

/* up: only running ones count. */
static const struct container *find_member(
	const struct networks *all, const struct network_record *net, bool up)
{
	for (size_t i = 0; i < all->n_containers; i++)
		if (is_member(&all->containers[i], net) &&
			(!up || container_up(&all->containers[i])))
			return &all->containers[i];
	return NULL;
}

/* ---- create ---- */

static int take_mtu(const char *key, const char *value, struct network_record *net, struct err *err)
{
	char *end = NULL;
	long mtu = strtol(value, &end, 10);

	if (end == value || *end || mtu < 576 || mtu > 65520)
		return err_set(err, -EINVAL, "%s=%s: from 576 to 65520 are possible", key, value);
	net->mtu = (int)mtu;
	return 0;
}

/* Options of Docker's driver that ask for what is the case anyway. */
static bool is_so_anyway(const char *key, const char *value)
{
	static const struct {
		const char *key, *value;
	} facts[] = {
		{ BRIDGE "enable_icc", "true" },
		{ BRIDGE "enable_ip_masquerade", "true" },
		{ BRIDGE "default_bridge", "false" },
		{ BRIDGE "inhibit_ipv4", "false" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		if (!strcmp(facts[i].key, key))
			return !strcmp(facts[i].value, value);
	return false;
}

static int take_options(
	const struct network_create_opts *opts, struct network_record *net, struct err *err)
{
	json_each (it, opts->options) {
		const char *value = json_str(it.value, "");

		if (!strcmp(it.key, MTU_OPT) || !strcmp(it.key, "mtu"))
			TRY(take_mtu(it.key, value, net, err));
		else if (!strcmp(it.key, BRIDGE "name"))
			log_msg(LOG_WARN, "no bridge device %s is made: a network is a process",
				value);
		else if (!is_so_anyway(it.key, value))
			return err_set(err, -EINVAL,
				"network option %s is not supported with '%s'; there is only " MTU_OPT,
				it.key, value);
	}
	return 0;
}

static int check_drivers(const struct network_create_opts *opts, struct err *err)
{
	if (opts->driver && strcmp(opts->driver, "bridge") != 0)
		return err_set(err, -EINVAL,
			"could not find plugin %s in v1 plugin registry: "
			"plugin not found; there is only the driver bridge",
			opts->driver);
	if (opts->ipam_driver && strcmp(opts->ipam_driver, "default") != 0)
		return err_set(err, -EINVAL,
			"could not resolve IPAM driver %s: plugin not found; there is only the driver "
			"default",
			opts->ipam_driver);
	if (opts->scope && strcmp(opts->scope, "local") != 0)
		return err_set(err, -EINVAL, "invalid scope %s: networks are local", opts->scope);
	return opts->ipv4 ? 0
			  : err_set(err, -EINVAL,
				    "--ipv4=false is not supported: every network has IPv4");
}

static int copy(char *ret, size_t size, const char *what, const char *value, struct err *err)
{
	if (value && strlen(value) >= size)
		return err_set(err, -EINVAL, "invalid %s: %s", what, value);
	(void)snprintf(ret, size, "%s", value ? value : "");
	return 0;
}

static int fill_record(
	const struct network_create_opts *opts, struct network_record *net, struct err *err)
{
	TRY(copy(net->name, sizeof(net->name), "network name", opts->name, err));
	TRY(copy(net->subnet, sizeof(net->subnet), "subnet", opts->subnet, err));
	TRY(copy(net->gateway, sizeof(net->gateway), "gateway address", opts->gateway, err));
	TRY(copy(net->ip_range, sizeof(net->ip_range), "address range", opts->ip_range, err));
	TRY(copy(net->subnet6, sizeof(net->subnet6), "subnet", opts->subnet6, err));
	TRY(copy(net->gateway6, sizeof(net->gateway6), "gateway address", opts->gateway6, err));
	net->ipv6 = opts->ipv6;
	TRY(take_options(opts, net, err));
	net->internal = opts->internal;
	net->egress = opts->egress ? xstrdup(opts->egress) : NULL;
	net->attachable = opts->attachable;
	net->aux = opts->aux ? json_ref(opts->aux) : NULL;
	net->labels = opts->labels ? json_ref(opts->labels) : NULL;
	net->options = opts->options ? json_ref(opts->options) : NULL;
	state_new_id(net->id);
	state_time_format(state_now(), false, net->created);
	return 0;
}

int cmd_network_create(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(network_create_opts_done))) struct network_create_opts opts = { 0 };
	autonetworkrecord struct network_record net = { 0 };

	TRY(network_create_opts_parse(argc, argv, &opts, err));
	TRY(check_drivers(&opts, err));
	TRY(fill_record(&opts, &net, err));
	TRY(network_create(globals, &net, err));
	event_tell_named(globals, "network", "create", net.id, net.name);
	return out_line(net.id, err);
}

/* ---- inspect ---- */

/* Those of the family. */
static void put_aux(struct json *config, const struct network_record *net, bool v6)
{
	struct json *map = NULL;

	json_each (it, net->aux) {
		if ((strchr(json_str(it.value, ""), ':') != NULL) != v6)
			continue;
		map = map ? map : json_new_map();
		json_put_string(map, it.key, json_str(it.value, ""));
	}
	if (map)
		json_put(config, "AuxiliaryAddresses", map);
}

static struct json *ipam(const struct network_record *net)
{
	struct json *doc = json_new_map(), *list = json_new_list(), *config = json_new_map();

	if (*net->subnet) {
		json_put_string(config, "Subnet", net->subnet);
		if (*net->ip_range)
			json_put_string(config, "IPRange", net->ip_range);
		json_put_string(config, "Gateway", net->gateway);
		put_aux(config, net, false);
		json_push(list, config);
	} else {
		json_free(config);
	}
	if (*net->subnet6) {
		config = json_new_map();
		json_put_string(config, "Subnet", net->subnet6);
		json_put_string(config, "Gateway", net->gateway6);
		put_aux(config, net, true);
		json_push(list, config);
	}
	json_put_string(doc, "Driver", "default");
	json_put(doc, "Options", json_new_null());
	json_put(doc, "Config", list);
	return doc;
}

static struct json *members(const struct networks *all, const struct network_record *net)
{
	struct json *map = json_new_map();

	for (size_t i = 0; i < all->n_containers; i++) {
		const struct container *c = &all->containers[i];
		const struct json *live = container_endpoint_live(c, net->name);
		const char *ip = json_str(json_get(live, "ip"), ""),
			   *ip6 = json_str(json_get(live, "ip6"), "");
		struct json *member;
		char address[64] = "", address6[64] = "";

		if (!container_up(c) || !is_member(c, net))
			continue;
		if (*ip)
			(void)snprintf(address, sizeof(address), "%s/%lld", ip,
				(long long)json_int(json_get(live, "prefix"), 0));
		member = json_new_map();
		json_put_string(member, "Name", c->name);
		json_put_string(member, "EndpointID", c->id);
		json_put_string(member, "MacAddress", json_str(json_get(live, "mac"), ""));
		json_put_string(member, "IPv4Address", address);
		if (*ip6)
			(void)snprintf(address6, sizeof(address6), "%s/64", ip6);
		json_put_string(member, "IPv6Address", address6);
		json_put(map, c->id, member);
	}
	return map;
}

static struct json *inspect_one(const struct networks *all, const struct network_record *net)
{
	struct json *doc = json_new_map();

	json_put_string(doc, "Name", net->name);
	json_put_string(doc, "Id", net->id);
	json_put_string(doc, "Created", *net->created ? net->created : "0001-01-01T00:00:00Z");
	json_put_string(doc, "Scope", "local");
	json_put_string(doc, "Driver", driver_of(net));
	json_put_bool(doc, "EnableIPv4", true);
	json_put_bool(doc, "EnableIPv6", net->ipv6);
	json_put(doc, "IPAM", ipam(net));
	json_put_bool(doc, "Internal", net->internal);
	json_put_bool(doc, "Attachable", net->attachable);
	json_put_bool(doc, "Ingress", false);
	json_put(doc, "Containers", members(all, net));
	json_put(doc, "Options", net->options ? json_ref(net->options) : json_new_map());
	json_put(doc, "Labels", net->labels ? json_ref(net->labels) : json_new_map());
	return doc;
}

int network_inspect(
	const struct globals *globals, const char *name, struct json **ret, struct err *err)
{
	autonetworkrecord struct network_record net = { 0 };
	autonetworks struct networks all = { 0 };
	int builtin = find_builtin(name);
	int r = builtin < 0 ? network_open(globals, name, &net, err) : 0;

	if (r == -ENOENT)
		builtin = find_builtin_id(name);
	if (r < 0 && builtin < 0)
		return r;
	if (builtin >= 0)
		make_builtin(builtin, &net);
	TRY(networks_read(globals, &all, err));
	*ret = inspect_one(&all, &net);
	return 0;
}

/* ---- ls ---- */

static struct json *titles(void)
{
	static const char *const names[][2] = { { "CreatedAt", "CREATED AT" },
		{ "Driver", "DRIVER" }, { "ID", "NETWORK ID" }, { "IPv4", "IPV4" },
		{ "IPv6", "IPV6" }, { "Internal", "INTERNAL" }, { "Labels", "LABELS" },
		{ "Name", "NAME" }, { "Scope", "SCOPE" } };
	struct json *row = json_new_map();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_put_string(row, names[i][0], names[i][1]);
	return row;
}

/* With the fraction of the second, as Go prints a time; built-in ones have none. */
static void put_created(const struct network_record *net, struct json *row)
{
	char text[UNITS_MAX], fraction[12] = "";
	autofree char *whole = NULL;
	int64_t ns = 0;

	if (state_time_parse(net->created, &ns) < 0 || ns == 0) {
		json_put_string(row, "CreatedAt", "0001-01-01 00:00:00 +0000 UTC");
		return;
	}
	units_local_time(ns, text);
	(void)snprintf(fraction, sizeof(fraction), ".%09lld", (long long)(ns % 1000000000));
	for (size_t n = strlen(fraction); n && strchr("0.", fraction[n - 1]); n--)
		fraction[n - 1] = '\0';
	whole = xasprintf("%.19s%s%s", text, fraction, text + 19);
	json_put_string(row, "CreatedAt", whole);
}

static struct json *row_of(const struct network_record *net, bool no_trunc)
{
	struct json *row = json_new_map();
	autobuf struct buf labels = BUF_INIT;
	char id[65];

	put_created(net, row);
	buf_adds(&labels, "");
	json_each (it, net->labels)
		buf_addf(&labels, "%s%s=%s", labels.len ? "," : "", it.key, json_str(it.value, ""));
	(void)snprintf(id, sizeof(id), no_trunc ? "%s" : "%.12s", net->id);
	json_put_string(row, "Driver", driver_of(net));
	json_put_string(row, "ID", id);
	json_put_string(row, "IPv4", "true");
	json_put_string(row, "IPv6", net->ipv6 ? "true" : "false");
	json_put_string(row, "Internal", net->internal ? "true" : "false");
	json_put_string(row, "Labels", labels.data);
	json_put_string(row, "Name", net->name);
	json_put_string(row, "Scope", "local");
	return row;
}

/* {{.Label "key"}} */
static struct json *methods_of(const struct network_record *net)
{
	struct json *methods = json_new_map();

	json_put(methods, "Label", net->labels ? json_ref(net->labels) : json_new_map());
	return methods;
}

int cmd_network_ls(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(network_ls_opts_done))) struct network_ls_opts opts = { 0 };
	autonetworks struct networks all = { 0 };
	autoformat struct format format = { 0 };
	autojson struct json *heading = titles();

	TRY(network_ls_opts_parse(argc, argv, &opts, err));
	TRY(network_filters_check(&opts.filters, false, err));
	TRY(format_init(&format, opts.format, opts.quiet ? "{{.ID}}" : TABLE, TYPE, err));
	TRY(networks_read(globals, &all, err));
	TRY(format_heading(&format, heading, err));
	for (size_t i = 0; i < all.n; i++) {
		const struct network_record *net = &all.list[i];
		autojson struct json *row = row_of(net, opts.no_trunc);
		autojson struct json *methods = methods_of(net);
		const struct network_facts facts = { net, driver_of(net),
			find_builtin(net->name) >= 0, find_member(&all, net, false) != NULL };

		if (network_matches(&facts, &opts.filters))
			TRY(format_row(&format, row, methods, err));
	}
	return format_finish(&format, err);
}

/* ---- rm ---- */

struct removing {
	const struct globals *globals;
	bool force;
};

static int rm_one(void *data, const char *name, struct err *err)
{
	const struct removing *rm = data;
	autonetworkrecord struct network_record net = { 0 };
	autonetworks struct networks all = { 0 };
	const struct container *user;
	int r;

	if (find_builtin(name) >= 0)
		return err_set(
			err, -EPERM, "%s is a pre-defined network and cannot be removed", name);
	r = network_open(rm->globals, name, &net, err);
	if (r == -ENOENT && rm->force) {
		log_err(err); /* said, but no failure: what was asked for is the case */
		return 0;
	}
	TRY(r);
	TRY(networks_read(rm->globals, &all, err));
	user = find_member(&all, &net, true);
	if (user)
		return err_set(err, -EBUSY,
			"error while removing network: network %s has active endpoints (name:\"%s\" "
			"id:\"%.12s\"); stop the containers first",
			net.name, user->name, user->id);
	TRY(network_remove(rm->globals, &net, err));
	event_tell_named(rm->globals, "network", "destroy", net.id, net.name);
	return out_line(name, err);
}

int cmd_network_rm(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(network_rm_opts_done))) struct network_rm_opts opts = { 0 };
	struct removing rm = { .globals = globals };

	TRY(network_rm_opts_parse(argc, argv, &opts, err));
	rm.force = opts.force;
	return for_each_operand(&opts.names, rm_one, &rm);
}

/* ---- prune ---- */

int cmd_network_prune(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(prune_opts_done))) struct prune_opts opts = { 0 };
	autonetworks struct networks all = { 0 };
	autobuf struct buf text = BUF_INIT;
	int yes = 1;

	TRY(network_prune_opts_parse(argc, argv, &opts, err));
	TRY(network_filters_check(&opts.filters, true, err));
	if (!opts.force)
		yes = prune_confirm("WARNING! This will remove all custom networks not used by at "
				    "least one container.",
			err);
	if (yes <= 0)
		return yes;
	TRY(networks_read(globals, &all, err));
	for (size_t i = 0; i < all.n; i++) {
		const struct network_record *net = &all.list[i];
		const struct network_facts facts = { net, "bridge", false, false };

		if (find_builtin(net->name) >= 0 || find_member(&all, net, false) ||
			!network_matches(&facts, &opts.filters))
			continue;
		TRY(network_remove(globals, net, err));
		event_tell_named(globals, "network", "destroy", net->id, net->name);
		buf_addf(&text, "%s%s\n", text.len ? "" : "Deleted Networks:\n", net->name);
	}
	prune_tell(globals, "network", 0);
	if (text.len)
		buf_addc(&text, '\n');
	return text.len ? out_write(&text, err) : 0;
}
