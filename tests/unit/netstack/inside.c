/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/inside.h"

#include <arpa/inet.h>

#include "harness.h"

static const struct inside inside = { .address = { 0x0200580a }, .gateway = { 0x0100580a } };

static struct sockaddr_in source_of(const char *client)
{
	union syn_address from = { .in = { .sin_family = AF_INET, .sin_port = htons(4000) } };

	if (inet_pton(AF_INET, client, &from.in.sin_addr) != 1)
		from = (union syn_address){ .in6 = { .sin6_family = AF_INET6, .sin6_port = 1 } };
	return inside_source(&inside, &from);
}

static void a_client_keeps_address_and_port(void **state)
{
	struct sockaddr_in source = source_of("203.0.113.9");

	assert_int_equal(ntohl(source.sin_addr.s_addr), 0xcb007109);
	assert_int_equal(ntohs(source.sin_port), 4000);
}

static void local_clients_and_those_without_an_ipv4_address_are_the_gateway(void **state)
{
	static const char *const clients[] = { "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.88.0.2",
		"2001:db8::1" };

	for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
		struct sockaddr_in source = source_of(clients[i]);

		assert_int_equal(source.sin_addr.s_addr, inside.gateway.s_addr);
		assert_int_equal(source.sin_port, 0);
	}
}

TEST_MAIN(cmocka_unit_test(a_client_keeps_address_and_port),
	cmocka_unit_test(local_clients_and_those_without_an_ipv4_address_are_the_gateway))
