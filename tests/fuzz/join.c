/* SPDX-License-Identifier: Apache-2.0 */
/* A wish to join a network, as a monitor sends it to sbx-netstack: what is taken has its lengths right, whatever its
 * names and rules are, and can be a member beside another one. The input is the beginning of the packet behind the
 * fields of fixed length; the rest of it is zeros. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/control.h"
#include "netstack/lan.h"
#include "network/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void join(struct lan *lan, const struct wire_join *wish)
{
	const struct lan_wish want = { .address = wish->want,
		.exact = wish->exact,
		.address6 = wish->want6,
		.exact6 = wish->exact6,
		.names = wish->names,
		.egress = wish->egress,
		.servers = wish->servers,
		.n_servers = wish->n_servers };
	struct member *first = NULL, *second = NULL;
	struct err err = ERR_INIT;
	int r = lan_join(lan, &want, &first, &err);

	assert(r == 0 || (r < 0 && *err.text));
	r = lan_join(lan, &want, &second, &err);
	assert(r < 0 || !first || first->port.address.s_addr != second->port.address.s_addr);
	lan_leave(second);
	lan_leave(first);
	assert(lan->n_members == 0);
}

/* Where the input's first bytes decide, so that the fuzzer need not find eight kilobytes of zeros. */
static void fill(struct wire_join *wish, const uint8_t *data, size_t size)
{
	size_t names = size < 64 ? size : 64, rules = size - names;

	memcpy(wish->names, data, names);
	if (rules > sizeof(wish->egress) - 1)
		rules = sizeof(wish->egress) - 1;
	memcpy(wish->egress, data + names, rules);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lan_config config = { .gateway = { htonl(0x0a580001) },
		.prefix = 24,
		.gateway6 = { .s6_addr = { 0xfd, [15] = 1 } } };
	struct lan *lan = calloc(1, sizeof(*lan));
	struct wire_join *wish = calloc(1, WIRE_PACKET_MAX);
	const struct wire_join *taken;
	struct loop *loop = NULL;
	struct err err = ERR_INIT;

	if (!lan || !wish || loop_new(&loop, &err) < 0 || lan_init(lan, loop, &config, &err) < 0)
		abort();
	if (size >= 32) {
		memcpy(&wish->want, data, 4);
		memcpy(&wish->want6, data + 4, 16);
		wish->exact = data[20] & 1;
		wish->exact6 = data[20] & 2;
		wish->n_servers = data[21] % 8;
		wish->n_ports = data[22] % 3;
		memcpy(wish->ports, data + 24, 8);
		fill(wish, data + 32, size - 32);
	}
	taken = control_check_join(wish, sizeof(*wish) + wish->n_ports * sizeof(wish->ports[0]));
	(void)control_check_join(data, size);
	assert(!control_check_join(wish, sizeof(*wish) - 1));
	if (taken)
		join(lan, taken);
	lan_done(lan);
	loop_free(loop);
	free(wish);
	free(lan);
	return 0;
}
