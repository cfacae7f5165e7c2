/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks beyond the first: planned with the launch, or wished for while the container runs (network
 * connect, disconnect), which arrives here in the monitor.
 */
#include "commands/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/endpoints.h"

#define SERVERS_MAX 3 /* of resolv.conf that a resolver reads */
#define HOSTS_MAX   (1024 * 1024)

/* As if the container had this network alone; DNS settings hold for all of them. */
static int plan_one(
	struct launch *launch, const struct net_endpoint *e, struct network *ret, struct err *err)
{
	const struct run_opts alone = { .network = e->network,
		.ip = e->ip,
		.ip6 = e->ip6,
		.mac_address = e->mac,
		.network_alias = e->aliases,
		.links = e->links,
		.dns = launch->opts.dns,
		.dns_search = launch->opts.dns_search,
		.dns_option = launch->opts.dns_option,
		.egress = launch->opts.egress,
		.report = launch->opts.report,
		.policy_learn = launch->opts.policy_learn };
	struct network autonetwork net = NETWORK_INIT;

	TRY(network_plan(launch->globals, &alone, NULL, &net, err));
	if (net.kind != NETWORK_BRIDGE || launch->network.kind == NETWORK_HOST ||
		launch->network.kind == NETWORK_CONTAINER)
		return err_set(err, -EINVAL,
			"conflicting options: cannot attach both user-defined and non-user-defined "
			"network-modes");
	TRY(launch_link(launch, &e->links, &net, err));
	net.log_dir = xasprintf("%s/containers/%s", launch->globals->root, launch->id);
	*ret = net;
	net = (struct network)NETWORK_INIT;
	return 0;
}

static const struct network *find(const struct launch *launch, const char *name)
{
	if (launch->network.kind == NETWORK_BRIDGE && !strcmp(launch->network.name, name))
		return &launch->network;
	for (size_t i = 0; i < launch->more.n; i++) {
		if (!strcmp(launch->more.list[i]->name, name))
			return launch->more.list[i];
	}
	return NULL;
}

int launch_plan_more(struct launch *launch, struct err *err)
{
	const struct run_opts *opts = &launch->opts;

	for (size_t i = 0; i < opts->n_more_networks; i++) {
		struct network net = NETWORK_INIT;

		if (launch->network.kind == NETWORK_NONE)
			return err_set(err, -EINVAL,
				"container cannot be connected to multiple networks with one of the "
				"networks in private (none) mode");
		TRY(plan_one(launch, &opts->more_networks[i], &net, err));
		if (find(launch, net.name)) {
			(void)err_set(
				err, -EINVAL, "network %s is specified multiple times", net.name);
			network_done(&net);
			return err->code;
		}
		network_set_add(&launch->more, &net);
	}
	return 0;
}

/* ---- records ---- */

struct json *launch_endpoints(const struct launch *launch)
{
	const struct run_opts *opts = &launch->opts;
	const struct net_endpoint first = { .ip = opts->ip, /* borrowed, as the rest */
		.ip6 = opts->ip6,
		.mac = opts->mac_address,
		.links = opts->links };
	struct json *list = json_new_list();

	json_push(list, endpoint_record(&launch->network, &first));
	for (size_t i = 0; i < launch->more.n; i++) {
		const struct net_endpoint *e = &opts->more_networks[i];

		json_push(list, endpoint_record(launch->more.list[i], e));
	}
	return list;
}

static struct json *live_record(const struct network *net)
{
	struct json *record = launch_network_record(net);
	char id[65];

	endpoint_network_id(net, id);
	json_del(record, "ports");
	json_put_string(record, "network", net->name);
	json_put_string(record, "id", id);
	json_put(record, "aliases", json_new_strv(&net->aliases));
	return record;
}

struct json *launch_networks_record(const struct launch *launch)
{
	struct json *record = launch_network_record(&launch->network), *list = json_new_list();

	if (*launch->network.name)
		json_push(list, live_record(&launch->network));
	for (size_t i = 0; i < launch->more.n; i++)
		json_push(list, live_record(launch->more.list[i]));
	json_put(record, "networks", list);
	return record;
}

/* ---- /etc/hosts and resolv.conf ---- */

static void add_lines(const struct network *net, const char *names, struct buf *out)
{
	const unsigned char *ip = (const unsigned char *)&net->address;

	buf_addf(out, "%u.%u.%u.%u\t%s\n", ip[0], ip[1], ip[2], ip[3], names);
	strv_each (line, &net->links)
		buf_addf(out, "%s\n", *line);
}

void launch_more_hosts(const struct launch *launch, struct buf *out)
{
	for (size_t i = 0; i < launch->more.n; i++)
		if (launch->more.list[i]->address.s_addr)
			add_lines(launch->more.list[i], launch->names, out);
}

/* In place: the inode is bind-mounted. */
static int rewrite(int fd, const char *text, struct err *err)
{
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(err, "rewrite /etc/hosts");
	return fs_write_all(fd, text, strlen(text), err);
}

/* Lines that came with the network go; what the container wrote itself stays. */
static void remove_lines(const char *text, const char *lines, struct buf *out)
{
	buf_adds(out, "");
	while (*text) {
		size_t len = strcspn(text, "\n") + 1;
		autofree char *line = NULL;

		if (!text[len - 1])
			len--;
		line = xstrndup(text, len);
		if (!strstr(lines, line))
			buf_add(out, text, len);
		text += len;
	}
}

static int edit_hosts(
	const struct launch *launch, const struct network *net, bool add, struct err *err)
{
	autofree char *path = xasprintf("%s/hosts", launch->container.run_path), *text = NULL;
	autofd int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	autobuf struct buf lines = BUF_INIT, out = BUF_INIT;

	if (fd < 0)
		return fs_err(err, AT_FDCWD, path);
	TRY(fs_read_at(AT_FDCWD, path, HOSTS_MAX, &text, NULL, err));
	add_lines(net, launch->names, &lines);
	if (add)
		buf_addf(&out, "%s%s", text, lines.data);
	else
		remove_lines(text, lines.data, &out);
	return rewrite(fd, out.data, err);
}

/* Each network's resolver knows its own names only. Those of the further ones refer what they do not know
 * to the next server (WIRE_MORE); the last one asks the world. */
int launch_resolv(const struct launch *launch, char **ret, struct err *err)
{
	const struct network *last = &launch->network;
	autofree char *text = NULL;
	autobuf struct buf out = BUF_INIT;
	size_t first = 0;
	char *servers;

	if (last->kind != NETWORK_BRIDGE && launch->more.n)
		last = launch->more.list[first++];
	TRY(network_resolv(last, &text, err));
	servers = strstr(text, "nameserver ");
	buf_add(&out, text, servers ? (size_t)(servers - text) : strlen(text));
	for (size_t i = first; i < launch->more.n && i < first + SERVERS_MAX - 1; i++) {
		const unsigned char *ip = (const unsigned char *)&launch->more.list[i]->gateway;

		if (network_asks_gateway(launch->more.list[i]))
			buf_addf(&out, "nameserver %u.%u.%u.%u\n", ip[0], ip[1], ip[2], ip[3]);
	}
	buf_adds(&out, servers ? servers : "");
	*ret = buf_steal(&out);
	return 0;
}

static int edit_resolv(const struct launch *launch, struct err *err)
{
	autofree char *path = xasprintf("%s/resolv.conf", launch->container.run_path), *text = NULL;
	autofd int fd = -EBADF;

	TRY(launch_resolv(launch, &text, err));
	fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fs_err(err, AT_FDCWD, path) : rewrite(fd, text, err);
}

/* ---- connect and disconnect ---- */

static unsigned free_index(const struct launch *launch)
{
	unsigned index = 1;

	for (size_t i = 0; i < launch->more.n; i++)
		if (launch->more.list[i]->index >= index)
			index = launch->more.list[i]->index + 1;
	return index;
}

static int save(struct launch *launch, struct err *err)
{
	json_free(launch->container.network);
	launch->container.network = launch_networks_record(launch);
	TRY(edit_resolv(launch, err));
	return state_save(&launch->container, err);
}

static int plug(struct launch *launch, struct network *net, struct err *err)
{
	const struct container *c = &launch->container;

	net->index = free_index(launch);
	TRY(network_plug(net, launch->more.userns, launch->more.netns, launch->id, c->name, err));
	TRY(edit_hosts(launch, net, true, err));
	network_set_add(&launch->more, net);
	*net = (struct network)NETWORK_INIT;
	return 0;
}

static int connect_network(struct launch *launch, const struct json *wish, struct err *err)
{
	struct network autonetwork net = NETWORK_INIT;
	struct container *c = &launch->container;
	autojson struct json *before = c->endpoints ? json_ref(c->endpoints) : NULL;
	struct net_endpoint e;
	int r;

	endpoint_from_record(wish, &e);
	r = plan_one(launch, &e, &net, err);
	if (r == 0)
		r = endpoints_add(c, endpoint_record(&net, &e), err);
	net_endpoint_done(&e);
	TRY(r);
	r = plug(launch, &net, err);
	if (r < 0) {
		json_free(c->endpoints);
		c->endpoints = move_ptr(&before);
		return r;
	}
	return save(launch, err);
}

static int disconnect_network(struct launch *launch, const struct json *wish, struct err *err)
{
	const char *name = json_str(json_get(wish, "network"), "");
	const struct network *net = find(launch, name);

	TRY(endpoints_remove(&launch->container, name, err));
	if (net)
		TRY(edit_hosts(launch, net, false, err));
	if (net == &launch->network) {
		network_done(&launch->network);
		launch->network = (struct network)NETWORK_INIT;
	}
	for (size_t i = 0; i < launch->more.n; i++) {
		if (launch->more.list[i] == net) {
			network_set_remove(&launch->more, i);
			break;
		}
	}
	return save(launch, err);
}

int launch_request(void *data, const char *text, size_t len, struct err *err)
{
	struct launch *launch = data;
	autojson struct json *wish = NULL;
	const char *what;

	TRY(json_parse(text, len, &wish, err));
	what = json_str(json_get(wish, "do"), "");
	if (!strcmp(what, "connect"))
		return connect_network(launch, wish, err);
	if (!strcmp(what, "disconnect"))
		return disconnect_network(launch, wish, err);
	return err_set(err, -EINVAL, "the container's monitor is of another version");
}
