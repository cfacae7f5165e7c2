/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's networks as its record has them: a list of {"network", "id", "aliases", "links", "ip",
 * "ip6", "mac"}, the first one first. What the user wishes is in config.json; once connect or disconnect has
 * changed it, in state.json. What a running container has beside (addresses) is in state.json's
 * "network".
 */
#include "commands/endpoints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/sha256.h"
#include "base/xalloc.h"
#include "commands/common.h"

#define BUILTIN_NONE "none"

void endpoint_network_id(const struct network *net, char ret[65])
{
	(void)snprintf(ret, 65, "%s", net->id);
	if (!*net->id)
		sha256_hex(net->name, strlen(net->name), ret);
}

struct json *endpoint_record(const struct network *net, const struct net_endpoint *wish)
{
	struct json *record = json_new_map();
	char id[65];

	endpoint_network_id(net, id);
	json_put_string(record, "network", net->name);
	json_put_string(record, "id", id);
	json_put(record, "aliases", json_new_strv(&net->aliases));
	json_put(record, "links", json_new_strv(&wish->links));
	json_put_string(record, "ip", wish->ip ? wish->ip : "");
	if (wish->ip6)
		json_put_string(record, "ip6", wish->ip6);
	json_put_string(record, "mac", wish->mac ? wish->mac : "");
	return record;
}

struct json *container_endpoints(const struct container *c)
{
	const struct json *changed = c->endpoints;
	struct json *list = json_get(c->config, "endpoints"), *one;

	if (json_kind(changed) == JSON_LIST)
		return json_ref(changed);
	if (json_kind(list) == JSON_LIST)
		return json_ref(list);
	list = json_new_list();
	one = json_new_map();
	json_put_string(one, "network", json_str(json_get(c->config, "network"), "bridge"));
	json_push(list, one);
	return list;
}

const struct json *container_endpoint_live(const struct container *c, const char *network)
{
	json_each (it, json_get(c->network, "networks")) {
		if (!strcmp(json_str(json_get(it.value, "network"), ""), network))
			return it.value;
	}
	return NULL;
}

bool container_on_network(const struct container *c, const char *network)
{
	autojson struct json *list = container_endpoints(c);

	json_each (it, list) {
		if (!strcmp(json_str(json_get(it.value, "network"), ""), network))
			return true;
	}
	return false;
}

static char *copy_text(const struct json *record, const char *key)
{
	const char *text = json_str(json_get(record, key), "");

	return *text ? xstrdup(text) : NULL;
}

void endpoint_from_record(const struct json *record, struct net_endpoint *ret)
{
	*ret = (struct net_endpoint){ .network = xstrdup(json_str(json_get(record, "network"), "")),
		.ip = copy_text(record, "ip"),
		.ip6 = copy_text(record, "ip6"),
		.mac = copy_text(record, "mac") };
	json_strv(json_get(record, "aliases"), &ret->aliases);
	json_strv(json_get(record, "links"), &ret->links);
}

static void set_first(struct run_opts *opts, struct net_endpoint *first)
{
	free(opts->network);
	free(opts->ip);
	free(opts->ip6);
	free(opts->mac_address);
	opts->network = move_ptr(&first->network);
	opts->ip = move_ptr(&first->ip);
	opts->ip6 = move_ptr(&first->ip6);
	opts->mac_address = move_ptr(&first->mac);
	strv_done(&opts->network_alias);
	strv_done(&opts->links);
	strv_extend(&opts->network_alias, &first->aliases);
	strv_extend(&opts->links, &first->links);
	net_endpoint_done(first);
}

void endpoints_to_opts(const struct json *list, struct run_opts *opts)
{
	for (size_t i = 0; i < opts->n_more_networks; i++)
		net_endpoint_done(&opts->more_networks[i]);
	opts->n_more_networks = 0;
	if (!json_len(list)) {
		struct net_endpoint none = { .network = xstrdup(BUILTIN_NONE) };

		set_first(opts, &none);
		return;
	}
	opts->more_networks = xreallocarray(
		opts->more_networks, json_len(list), sizeof(*opts->more_networks));
	for (size_t i = 0; i < json_len(list); i++) {
		struct net_endpoint e;

		endpoint_from_record(json_at(list, i), &e);
		if (i == 0)
			set_first(opts, &e);
		else
			opts->more_networks[opts->n_more_networks++] = e;
	}
}

/* Docker's: who shares a network, or has none by choice, is on no other. */
static int check_modes(const struct json *list, struct err *err)
{
	json_each (it, list) {
		const char *name = json_str(json_get(it.value, "network"), "");

		if (!strcmp(name, BUILTIN_NONE))
			return err_set(err, -EINVAL,
				"container cannot be connected to multiple networks with one of the "
				"networks in private (none) mode");
		if (!strcmp(name, "host") || !strncmp(name, "container:", strlen("container:")))
			return err_set(err, -EINVAL,
				"container sharing network namespace with another container or host "
				"cannot be connected to any other network");
	}
	return 0;
}

static struct json *copy_list(const struct json *list)
{
	struct json *copy = json_new_list();

	json_each (it, list)
		json_push(copy, json_ref(it.value));
	return copy;
}

int endpoints_add(struct container *c, struct json *record, struct err *err)
{
	autojson struct json *list = container_endpoints(c), *taken = record;
	const char *name = json_str(json_get(taken, "network"), "");
	struct json *next;

	TRY(check_modes(list, err));
	if (container_on_network(c, name))
		return err_set(err, -EEXIST, "endpoint with name %s already exists in network %s",
			c->name, name);
	next = copy_list(list);
	json_push(next, json_ref(taken));
	json_free(c->endpoints);
	c->endpoints = next;
	return 0;
}

int endpoints_remove(struct container *c, const char *network, struct err *err)
{
	autojson struct json *list = container_endpoints(c);
	struct json *next = json_new_list();

	json_each (it, list) {
		if (strcmp(json_str(json_get(it.value, "network"), ""), network) != 0)
			json_push(next, json_ref(it.value));
	}
	if (json_len(next) == json_len(list)) {
		json_free(next);
		return err_set(err, -ENOENT, "container %s is not connected to the network %s",
			c->name, network);
	}
	json_free(c->endpoints);
	c->endpoints = next;
	return 0;
}
