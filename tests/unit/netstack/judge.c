/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/judge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

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

static enum outbound_verdict ask(struct member *member, const char *address, uint16_t port)
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
	struct member member = member_of(lan, false);

	assert_int_equal(ask(&member, "192.0.2.1", 80), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "10.89.0.1", 80), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "2001:db8::1", 80), OUTBOUND_CONNECT);
}

/* As from any program of the user's; docs/networks.md says so. --internal closes it, with the rest. */
static void n09_the_metadata_address_of_a_cloud_is_as_open_as_the_world(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member open = member_of(lan, false);

	assert_int_equal(ask(&open, "169.254.169.254", 80), OUTBOUND_CONNECT);
	lan->internal = true;
	assert_int_equal(ask(&open, "169.254.169.254", 80), OUTBOUND_REFUSE);
}

static void the_hosts_own_loopback_is_closed_by_every_name_it_has(void **state)
{
	static const char *const names[] = { "127.0.0.1", "127.255.0.9", "0.0.0.0", "0.0.0.1",
		"::", "::1", "::ffff:127.0.0.1", "::ffff:192.0.2.1", "::127.0.0.1", "fe80::1",
		"fec0::1", "ff02::1", "224.0.0.1", "255.255.255.255", "10.88.0.1" };
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);

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
	assert_int_equal(ask(&member, "10.88.0.1", 53), OUTBOUND_LOCAL);
}

static struct egress *rules_of(const char *text)
{
	struct err err = ERR_INIT;
	struct egress *egress = NULL;

	assert_int_equal(egress_new(text, &egress, &err), 0);
	return egress;
}

static void opened_ports_are_reached_by_the_gateways_ipv6_address_as_well(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);
	union syn_address to = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(5432) } };

	lan->addresses.gateway6 = (struct in6_addr){ .s6_addr = { 0xfd, [15] = 1 } };
	to.in6.sin6_addr = lan->addresses.gateway6;
	assert_int_equal(judge_connect(&member, &to), OUTBOUND_REFUSE);
	member.loopback[member.n_loopback++] = 5432;
	member.egress = rules_of("none");
	assert_int_equal(judge_connect(&member, &to), OUTBOUND_CONNECT);
	assert_true(IN6_IS_ADDR_LOOPBACK(&to.in6.sin6_addr));
	assert_int_equal(ask(&member, "fd00::1", 5433), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "::1", 5432), OUTBOUND_REFUSE);
	egress_free(member.egress);
}

static void neighbours_are_the_taps_and_the_gateways_dns_is_ours(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);

	assert_int_equal(ask(&member, "10.88.0.9", 80), OUTBOUND_LIBSLIRP);
	assert_int_equal(ask(&member, "10.88.0.1", 53), OUTBOUND_LOCAL);
	lan->addresses.gateway6 = (struct in6_addr){ .s6_addr = { 0xfd, [15] = 1 } };
	assert_int_equal(ask(&member, "fd00::9", 80), OUTBOUND_LIBSLIRP);
	assert_int_equal(ask(&member, "fd00::1", 80), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "fd00::1", 53), OUTBOUND_LOCAL);
	assert_int_equal(ask(&member, "fd00:0:0:1::1", 80), OUTBOUND_CONNECT);
}

static void an_internal_network_has_no_way_out(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, true);

	assert_int_equal(ask(&member, "192.0.2.1", 80), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "2001:db8::1", 80), OUTBOUND_REFUSE);
}

static void rules_close_all_but_what_they_name(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);

	member.log = (struct netlog){ .fds = { -EBADF, -EBADF } };
	member.egress = rules_of("192.0.2.0/24:443,[2001:db8::]:80");
	assert_int_equal(ask(&member, "192.0.2.1", 443), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "192.0.2.1", 80), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "198.51.100.1", 443), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "2001:db8::", 80), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "2001:db8::1", 80), OUTBOUND_REFUSE);
	assert_int_equal(ask(&member, "10.88.0.1", 53), OUTBOUND_LOCAL);
	egress_free(member.egress);
}

static void opened_ports_of_the_hosts_loopback_stay_open_with_rules(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);

	member.log = (struct netlog){ .fds = { -EBADF, -EBADF } };
	member.egress = rules_of("none");
	member.loopback[member.n_loopback++] = 5432;
	assert_int_equal(ask(&member, "10.88.0.1", 5432), OUTBOUND_CONNECT);
	assert_int_equal(ask(&member, "10.88.0.1", 5433), OUTBOUND_REFUSE);
	egress_free(member.egress);
}

static void only_what_is_allowed_by_name_is_read(void **state)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct member member = member_of(lan, false);
	union syn_address to = { .in = { .sin_family = AF_INET, .sin_port = htons(80) } };
	const struct in6_addr told = { .s6_addr = { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	static const char good[] = "GET / HTTP/1.1\r\nHost: good.test\r\n\r\n";
	static const char evil[] = "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n";
	struct outbound_pass *pass = NULL;

	assert_int_equal(judge_watch(&member, &to, &pass), 0);
	assert_null(pass);
	member.log = (struct netlog){ .fds = { -EBADF, -EBADF } };
	member.egress = rules_of("good.test,198.51.100.0/24");
	egress_learn(member.egress, "good.test", &told);
	to.in.sin_addr.s_addr = htonl(0xc6336401);
	assert_int_equal(judge_watch(&member, &to, &pass), 0);
	assert_true(pass && !pass->peek);
	pass->done(pass, NULL);
	to.in.sin_addr.s_addr = htonl(0xc0000201);
	assert_int_equal(judge_watch(&member, &to, &pass), 0);
	assert_int_equal(pass->peek(pass, (const uint8_t *)good, 10), 0);
	assert_int_equal(pass->peek(pass, (const uint8_t *)good, sizeof(good) - 1), 1);
	assert_int_equal(pass->peek(pass, (const uint8_t *)evil, sizeof(evil) - 1), -1);
	pass->done(pass, (uint64_t[2]){ 1, 2 });
	egress_free(member.egress);
}

TEST_MAIN(cmocka_unit_test(the_world_is_open),
	cmocka_unit_test(n09_the_metadata_address_of_a_cloud_is_as_open_as_the_world),
	cmocka_unit_test(the_hosts_own_loopback_is_closed_by_every_name_it_has),
	cmocka_unit_test(opened_ports_of_the_hosts_loopback_are_reached_by_the_gateways_address),
	cmocka_unit_test(opened_ports_are_reached_by_the_gateways_ipv6_address_as_well),
	cmocka_unit_test(neighbours_are_the_taps_and_the_gateways_dns_is_ours),
	cmocka_unit_test(rules_close_all_but_what_they_name),
	cmocka_unit_test(opened_ports_of_the_hosts_loopback_stay_open_with_rules),
	cmocka_unit_test(only_what_is_allowed_by_name_is_read),
	cmocka_unit_test(an_internal_network_has_no_way_out))
