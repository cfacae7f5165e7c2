/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network connect and disconnect: of a running container the monitor does it, which owns its devices; of
 * another one the record is changed.
 */
#include "commands/commands.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "commands/common.h"
#include "commands/endpoints.h"
#include "network/network.h"
#include "options/verbs.h"
#include "process/attach.h"

#define autoconnect __attribute__((cleanup(network_connect_opts_done)))

/* Checks all that can be checked without a container. */
static int plan(const struct globals *globals, const struct net_endpoint *e, struct network *ret,
	struct err *err)
{
	const struct run_opts alone = { .network = e->network,
		.ip = e->ip,
		.ip6 = e->ip6,
		.mac_address = e->mac,
		.network_alias = e->aliases,
		.links = e->links };
	struct network autonetwork net = NETWORK_INIT;

	TRY(network_plan(globals, &alone, NULL, &net, err));
	if (net.kind != NETWORK_BRIDGE)
		return err_set(err, -EINVAL,
			"container cannot be disconnected from %s network or connected to %s network",
			net.name, net.name);
	*ret = net;
	net = (struct network)NETWORK_INIT;
	return 0;
}

static int ask_monitor(
	const struct container *c, const char *what, struct json *wish, struct err *err)
{
	autobuf struct buf text = BUF_INIT;
	autofd int sock = state_connect(c, err);

	TRY(sock);
	json_put_string(wish, "do", what);
	json_write(wish, 0, &text);
	return client_request(sock, text.data, err);
}

typedef int (*change_fn)(struct container *c, struct json *wish, struct err *err);

static int add(struct container *c, struct json *wish, struct err *err)
{
	return endpoints_add(c, json_ref(wish), err);
}

static int drop(struct container *c, struct json *wish, struct err *err)
{
	return endpoints_remove(c, json_str(json_get(wish, "network"), ""), err);
}

/* It may start or end meanwhile: decided under its lock. */
static int change(const struct globals *globals, struct container *c, const char *what,
	struct json *wish, struct err *err)
{
	change_fn fn = strcmp(what, "connect") == 0 ? add : drop;
	autofd int lock = state_lock(c, err);

	TRY(lock);
	TRY(state_refresh(globals, c, err));
	if (c->status == STATUS_RESTARTING)
		return err_set(
			err, -EBUSY, "container %s is restarting, wait until it runs", c->name);
	if (container_up(c)) {
		TRY(fn(c, wish,
			err)); /* in this copy only: Docker's words before anything happens */
		return ask_monitor(c, what, wish, err);
	}
	TRY(fn(c, wish, err));
	return state_save(c, err);
}

static void tell(const struct globals *globals, const struct json *wish, const struct container *c,
	const char *what)
{
	autojson struct json *more = json_new_map();

	json_put_string(more, "container", c->id);
	json_put_string(more, "name", json_str(json_get(wish, "network"), ""));
	json_put_string(more, "type", "bridge");
	event_tell(globals, "network", what, json_str(json_get(wish, "id"), ""), more);
}

int cmd_network_connect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoconnect struct network_connect_opts opts = { 0 };
	struct network autonetwork net = NETWORK_INIT;
	autocontainer struct container c = CONTAINER_INIT;
	autojson struct json *wish = NULL;

	TRY(network_connect_opts_parse(argc, argv, &opts, err));
	TRY(plan(globals, &opts.endpoint, &net, err));
	TRY(state_open(globals, opts.container, &c, err));
	wish = endpoint_record(&net, &opts.endpoint);
	TRY(change(globals, &c, "connect", wish, err));
	tell(globals, wish, &c, "connect");
	return 0;
}

/* A network that is gone can still be left, by its name. */
static void find_network(
	const struct globals *globals, const char *name, struct network *ret, struct err *err)
{
	const struct run_opts alone = { .network = (char *)(uintptr_t)name };

	if (network_plan(globals, &alone, NULL, ret, err) == 0)
		return;
	*err = (struct err)ERR_INIT;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name);
}

int cmd_network_disconnect(struct globals *globals, int argc, char **argv, struct err *err)
{
	autoconnect struct network_connect_opts opts = { 0 };
	struct network autonetwork net = NETWORK_INIT;
	autocontainer struct container c = CONTAINER_INIT;
	autojson struct json *wish = NULL;
	int r;

	TRY(network_disconnect_opts_parse(argc, argv, &opts, err));
	find_network(globals, opts.endpoint.network, &net, err);
	if (net.kind == NETWORK_HOST)
		return err_set(err, -EINVAL,
			"container cannot be disconnected from host network or connected to host "
			"network");
	TRY(state_open(globals, opts.container, &c, err));
	wish = endpoint_record(&net, &opts.endpoint);
	r = change(globals, &c, "disconnect", wish, err);
	if (r == -ENOENT && opts.force) {
		*err = (struct err)ERR_INIT;
		return 0;
	}
	TRY(r);
	tell(globals, wish, &c, "disconnect");
	return 0;
}
