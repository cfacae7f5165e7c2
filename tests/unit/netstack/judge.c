/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/judge.h"

#include <arpa/inet.h>

#include "base/own.h"
#include "harness.h"

static struct member member_of(struct lan *lan, bool internal)
{
	lan->addresses.network.s_addr = htonl(0x0a580000);
	lan->addresses.mask.s_addr = htonl(0xffffff00);
	lan->addresses.gateway.s_addr = htonl(0x0a580001);
	lan->internal = internal;
	return (struct member){ .lan = lan };
}

static enum outbound_verdict ask(const struct member *member, const char *address, uint16_t port)
{
	union syn_address to = { .in = { .sin_family = AF_INET, .sin_port = htons(port) } };

	if (inet_pton(AF_INET, address, &to.in.sin_addr) != 1) {
		to = (union syn_address){ .in6 = { .sin6_family = AF_INET6,
						  .sin6_port = htons(port) } };
		assert_int_equal(inet_pton(AF_INET6, address, &to.in6.sin6_addr), 1);
	}
	return judge_connect(member, &to);
}

static void the_world_is_open(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	const struct member member = member_of(lan, false);

	assert_int_equal(ask(&member, "192.0.2.1", 80), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "10.89.0.1", 80), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "2001:db8::1", 80), OUTBOUND_CONNECT);
}

static void the_hosts_own_loopback_is_closed_by_every_name_it_has(void **state)
{
	static const char *const names[] = { "127.0.0.1", "127.255.0.9", "0.0.0.0", "0.0.0.1",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1", "::127.0.0.1", "fe80::1",
		"fec0::1", "ff02::1", "224.0.0.1", "255.255.255.255", "10.88.0.1" };
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	const struct member member = member_of(lan, false);

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_int_equal(ask(&member, names[i], 80), OUTBOUND_REFUSE);
}

static void opened_ports_of_the_hosts_loopback_are_reached_by_the_gateways_address(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);
	union syn_address to = { .in = { .sin_family = AF_INET,
					 .sin_port = htons(5432),
					 .sin_addr = lan->addresses.gateway } };

	member.loopback[member.n_loopback++] = 5432;
	assert_int_equal(judge_connect(&member, &to), OUTBOUND_CONNECT);
	assert_int_equal(ntohl(to.in.sin_addr.s_addr), INADDR_LOOPBACK);
	assert_int_equal(ask(&member, "10.88.0.1", 5433), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "127.0.0.1", 5432), OUTBOUND_REFUSE);
	member.loopback[member.n_loopback++] = 0;
	assert_int_equal(ask(&member, "10.88.0.1", 5433), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "10.88.0.1", 53), OUTBOUND_LIBSLIRP);
}

static void neighbours_and_the_gateways_dns_are_the_taps(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	const struct member member = member_of(lan, false);

	assert_int_equal(ask(&member, "10.88.0.9", 80), OUTBOUND_LIBSLIRP);
	assert_int_equal(ask(&member, "10.88.0.1", 53), OUTBOUND_LIBSLIRP);
	lan->addresses.gateway6 = (struct in6_addr){ .s6_addr = { 0xfd, [15] = 1 } };
	assert_int_equal(ask(&member, "fd00::9", 80), OUTBOUND_LIBSLIRP);
	assert_int_equal(ask(&member, "fd00::1", 80), OUTBOUND_LIBSLIRP);
	assert_int_equal(ask(&member, "fd00:0:0:1::1", 80), OUTBOUND_CONNECT);
}

static void an_internal_network_has_no_way_out(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	const struct member member = member_of(lan, true);

	assert_int_equal(ask(&member, "192.0.2.1", 80), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "2001:db8::1", 80), OUTBOUND_REFUSE);
}

TEST_MAIN(cmocka_unit_test(the_world_is_open),
	cmocka_unit_test(the_hosts_own_loopback_is_closed_by_every_name_it_has),
	cmocka_unit_test(opened_ports_of_the_hosts_loopback_are_reached_by_the_gateways_address),
	cmocka_unit_test(neighbours_and_the_gateways_dns_are_the_taps),
	cmocka_unit_test(an_internal_network_has_no_way_out))
