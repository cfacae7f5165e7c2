/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define HEAD "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

/* As the kernel prints it: the four bytes of the address read as a native number. */
static void add_route(char *text, size_t size, const char *dst, const char *mask)
{
	struct in_addr d, m;
	size_t len = strlen(text);

	assert_int_equal(inet_pton(AF_INET, dst, &d), 1);
	assert_int_equal(inet_pton(AF_INET, mask, &m), 1);
	(void)snprintf(text + len, size - len,
		"eth0\t%08X\t00000000\t0001\t0\t0\t0\t%08X\t0\t0\t0\n", d.s_addr, m.s_addr);
}

static void expect(const char *network, const char *routes, const char *want)
{
	struct in_addr got = subnet_choose(network, routes);
	char text[INET_ADDRSTRLEN];

	assert_string_equal(inet_ntop(AF_INET, &got, text, sizeof(text)), want);
}

static void bridge_is_the_first_of_the_pool(void **state)
{
	char routes[1024] = HEAD;

	add_route(routes, sizeof(routes), "0.0.0.0",
		"0.0.0.0"); /* the default route clashes with nothing */
	add_route(routes, sizeof(routes), "192.168.1.0", "255.255.255.0");
	expect("bridge", routes, "10.88.0.0");
	expect("bridge", "", "10.88.0.0");
}

static void a_subnet_the_host_routes_is_skipped(void **state)
{
	char routes[1024] = HEAD;

	add_route(routes, sizeof(routes), "10.88.0.128", "255.255.255.192"); /* inside the first */
	expect("bridge", routes, "10.88.1.0");
	add_route(routes, sizeof(routes), "10.88.0.0", "255.255.0.0"); /* around all of them */
	expect("bridge", routes, "10.91.0.0");
	add_route(routes, sizeof(routes), "10.0.0.0", "255.0.0.0");
	expect("bridge", routes, "172.29.0.0");
	add_route(routes, sizeof(routes), "172.16.0.0", "255.240.0.0");
	expect("bridge", routes, "192.168.0.0");
}

static void with_everything_taken_there_is_still_one(void **state)
{
	char routes[1024] = HEAD;

	add_route(routes, sizeof(routes), "0.0.0.0", "128.0.0.0");
	add_route(routes, sizeof(routes), "128.0.0.0", "128.0.0.0");
	expect("bridge", routes, "10.88.0.0");
}

static void a_named_network_keeps_its_place_and_leaves_bridge_its_own(void **state)
{
	struct in_addr a = subnet_choose("backend", ""), b = subnet_choose("backend", ""),
		       c = subnet_choose("frontend", ""), bridge = subnet_choose("bridge", "");

	assert_int_equal(a.s_addr, b.s_addr);
	assert_int_not_equal(a.s_addr, c.s_addr);
	assert_int_not_equal(a.s_addr, bridge.s_addr);
}

static void a_gateway_is_read_back_as_its_network(void **state)
{
	struct err err = ERR_INIT;
	struct in_addr got;

	assert_int_equal(subnet_parse_gateway("10.88.7.1/24", &got, &err), 0);
	assert_int_equal(ntohl(got.s_addr), 0x0a580700);
	assert_int_equal(subnet_parse_gateway("10.88.7.1", &got, &err), -EINVAL);
	assert_int_equal(subnet_parse_gateway("10.88.7.1/16", &got, &err), -EINVAL);
	assert_int_equal(subnet_parse_gateway("10.88.7/24", &got, &err), -EINVAL);
	assert_int_equal(subnet_parse_gateway("010.088.007.001.002.003/24", &got, &err), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(bridge_is_the_first_of_the_pool),
	cmocka_unit_test(a_subnet_the_host_routes_is_skipped),
	cmocka_unit_test(with_everything_taken_there_is_still_one),
	cmocka_unit_test(a_named_network_keeps_its_place_and_leaves_bridge_its_own),
	cmocka_unit_test(a_gateway_is_read_back_as_its_network))
