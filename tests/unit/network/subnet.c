/* SPDX-License-Identifier: Apache-2.0 */
#include "network/subnet.h"

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
	struct in_addr got = subnet_choose(network, routes, NULL, 0).network;
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
	struct subnet a = subnet_choose("backend", "", NULL, 0),
		      b = subnet_choose("backend", "", NULL, 0),
		      c = subnet_choose("frontend", "", NULL, 0),
		      bridge = subnet_choose("bridge", "", NULL, 0);

	assert_int_equal(a.network.s_addr, b.network.s_addr);
	assert_int_not_equal(a.network.s_addr, c.network.s_addr);
	assert_int_not_equal(a.network.s_addr, bridge.network.s_addr);
}

static void another_networks_subnet_is_skipped(void **state)
{
	struct subnet taken[] = { { { htonl(0x0a580000) }, 24 }, { { htonl(0x0a580100) }, 28 } };
	struct subnet got = subnet_choose("bridge", "", taken, 2);

	assert_int_equal(ntohl(got.network.s_addr), 0x0a580200);
}

static void subnets_are_read_strictly(void **state)
{
	static const char *const bad[] = { "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/-1", "10.0.0.0/24x", "10.0.0/24", "/24", "10.0.0.0/ 24",
		"010.088.007.001.002.003/24", "fd00::/64" };
	struct err err = ERR_INIT;
	struct subnet got;
	char text[SUBNET_TEXT];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(subnet_parse(bad[i], &got, &err), -EINVAL);
	assert_int_equal(subnet_parse("10.0.0.5/24", &got, &err), -EINVAL);
	assert_non_null(strstr(err.text, "it should be 10.0.0.0/24"));
	assert_int_equal(subnet_parse("172.20.0.0/16", &got, &err), 0);
	subnet_format(&got, text);
	assert_string_equal(text, "172.20.0.0/16");
}

static void hosts_are_what_is_between_network_and_broadcast(void **state)
{
	struct subnet net = { { htonl(0xac140000) }, 16 };

	assert_false(subnet_has_host(&net, net.network));
	assert_false(subnet_has_host(&net, (struct in_addr){ htonl(0xac14ffff) }));
	assert_false(subnet_has_host(&net, (struct in_addr){ htonl(0xac150001) }));
	assert_true(subnet_has_host(&net, (struct in_addr){ htonl(0xac14fffe) }));
	assert_true(subnet_has_host(&net, subnet_first_host(&net)));
}

static void overlaps_are_seen_both_ways(void **state)
{
	struct subnet wide = { { htonl(0x0a000000) }, 8 }, narrow = { { htonl(0x0a580700) }, 24 },
		      other = { { htonl(0x0b000000) }, 8 };

	assert_true(subnet_overlaps(&wide, &narrow));
	assert_true(subnet_overlaps(&narrow, &wide));
	assert_false(subnet_overlaps(&narrow, &other));
}

TEST_MAIN(cmocka_unit_test(bridge_is_the_first_of_the_pool),
	cmocka_unit_test(a_subnet_the_host_routes_is_skipped),
	cmocka_unit_test(with_everything_taken_there_is_still_one),
	cmocka_unit_test(a_named_network_keeps_its_place_and_leaves_bridge_its_own),
	cmocka_unit_test(another_networks_subnet_is_skipped),
	cmocka_unit_test(subnets_are_read_strictly),
	cmocka_unit_test(hosts_are_what_is_between_network_and_broadcast),
	cmocka_unit_test(overlaps_are_seen_both_ways))
