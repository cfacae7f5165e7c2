/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/egress.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

static struct in6_addr address(const char *text)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return egress_from_v4(v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6), 1);
	return v6;
}

static struct egress *make(const char *rules)
{
	struct err err = ERR_INIT;
	struct egress *egress = NULL;

	assert_int_equal(egress_new(rules, &egress, &err), 0);
	return egress;
}

static enum egress_verdict ask(
	const struct egress *egress, uint8_t proto, const char *to, uint16_t port)
{
	struct egress_target target = { address(to), port, proto };

	return egress_ask(egress, &target, NULL);
}

static void learn(struct egress *egress, const char *name, const char *to)
{
	struct in6_addr addr = address(to);

	egress_learn(egress, name, &addr);
}

static enum egress_verdict ask_http(
	const struct egress *egress, const char *to, uint16_t port, const char *host)
{
	struct egress_target target = { address(to), port, IPPROTO_TCP };
	char request[512], name[EGRESS_NAME];

	(void)snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", host);
	return egress_ask_bytes(egress, &target, (const uint8_t *)request, strlen(request), name);
}

static void none_refuses_and_all_allows(void **state)
{
	struct egress *none = make("none"), *all = make("all"), *learning = make("learn");

	assert_int_equal(ask(none, IPPROTO_TCP, "192.0.2.1", 80), EGRESS_REFUSE);
	assert_int_equal(ask(all, IPPROTO_TCP, "192.0.2.1", 80), EGRESS_ALLOW);
	assert_int_equal(ask(learning, IPPROTO_UDP, "192.0.2.1", 53), EGRESS_ALLOW);
	assert_false(egress_may_resolve(none, "example.com"));
	assert_true(egress_may_resolve(learning, "example.com"));
	egress_free(none);
	egress_free(all);
	egress_free(learning);
}

static void addresses_and_ports_are_matched(void **state)
{
	struct egress *egress = make(
		"10.1.0.0/16,192.0.2.7:443,[fd00::/8]:8000-8010,2001:db8::5,:123");

	assert_int_equal(ask(egress, IPPROTO_TCP, "10.1.255.1", 9), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_ICMP, "10.1.255.1", 0), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_TCP, "10.2.0.1", 9), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.7", 443), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.7", 80), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_ICMP, "192.0.2.7", 0), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_TCP, "fd12::1", 8010), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_TCP, "fd12::1", 8011), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_TCP, "2001:db8::5", 1), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_UDP, "198.51.100.1", 123), EGRESS_ALLOW);
	egress_free(egress);
}

static void a_name_opens_the_addresses_it_was_told_for(void **state)
{
	struct egress *egress = make("example.com:443,*.test");

	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.1", 443), EGRESS_REFUSE);
	learn(egress, "EXAMPLE.com", "192.0.2.1");
	learn(egress, "a.b.test", "192.0.2.2");
	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.1", 443), EGRESS_PEEK);
	assert_int_equal(ask(egress, IPPROTO_UDP, "192.0.2.1", 443), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.1", 80), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_UDP, "192.0.2.2", 53), EGRESS_ALLOW);
	egress_free(egress);
}

static void a_star_is_not_the_name_itself(void **state)
{
	struct egress *egress = make("*.example.com");

	assert_true(egress_may_resolve(egress, "www.example.com"));
	assert_false(egress_may_resolve(egress, "example.com"));
	assert_false(egress_may_resolve(egress, "evilexample.com"));
	egress_free(egress);
}

static void only_listed_names_are_asked_for(void **state)
{
	struct egress *names = make("example.com"), *mixed = make("example.com,10.0.0.0/8");

	assert_true(egress_may_resolve(names, "example.com"));
	assert_false(egress_may_resolve(names, "secret.evil.example"));
	assert_true(egress_may_resolve(mixed, "db.internal"));
	egress_free(names);
	egress_free(mixed);
}

static void the_first_bytes_decide_on_a_shared_address(void **state)
{
	struct egress *egress = make("good.example,10.0.0.0/8");

	learn(egress, "good.example", "192.0.2.1");
	assert_int_equal(ask_http(egress, "192.0.2.1", 80, "good.example"), EGRESS_ALLOW);
	assert_int_equal(ask_http(egress, "192.0.2.1", 80, "evil.example"), EGRESS_REFUSE);
	assert_int_equal(ask_http(egress, "192.0.2.1", 80, "192.0.2.1"), EGRESS_ALLOW);
	learn(egress, "evil.example", "192.0.2.1");
	assert_int_equal(ask_http(egress, "192.0.2.1", 80, "good.example"), EGRESS_ALLOW);
	assert_int_equal(ask_http(egress, "192.0.2.1", 80, "192.0.2.1"), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_UDP, "192.0.2.1", 80), EGRESS_REFUSE);
	egress_free(egress);
}

static void a_flood_of_names_forgets_the_oldest(void **state)
{
	struct egress *egress = make("*.test");
	char name[32];

	learn(egress, "first.test", "192.0.2.1");
	for (int i = 0; i < EGRESS_NAMES_MAX; i++) {
		(void)snprintf(name, sizeof(name), "n%d.test", i);
		learn(egress, name, "192.0.2.2");
	}
	assert_int_equal(ask(egress, IPPROTO_UDP, "192.0.2.1", 1), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_UDP, "192.0.2.2", 1), EGRESS_ALLOW);
	egress_free(egress);
}

static void of_several_lists_all_must_allow(void **state)
{
	struct egress *egress = make("good.test,192.0.2.0/24\nall\n*.test:443,192.0.2.9");

	assert_false(egress_is_open(egress));
	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.9", 80), EGRESS_ALLOW);
	assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.8", 80), EGRESS_REFUSE);
	learn(egress, "good.test", "198.51.100.1");
	learn(egress, "evil.test", "198.51.100.2");
	assert_int_equal(ask(egress, IPPROTO_TCP, "198.51.100.1", 443), EGRESS_PEEK);
	assert_int_equal(ask(egress, IPPROTO_TCP, "198.51.100.1", 80), EGRESS_REFUSE);
	assert_int_equal(ask(egress, IPPROTO_TCP, "198.51.100.2", 443), EGRESS_REFUSE);
	assert_int_equal(ask_http(egress, "198.51.100.1", 443, "good.test"), EGRESS_ALLOW);
	assert_int_equal(ask_http(egress, "198.51.100.1", 443, "evil.test"), EGRESS_REFUSE);
	egress_free(egress);
	egress = make("all\nlearn");
	assert_true(egress_is_open(egress));
	egress_free(egress);
}

/* Whoever owns an allowed name says what its addresses are: not the metadata service of the cloud that the host is in. */
static void no_name_opens_an_address_that_means_something_here_only(void **state)
{
	static const char *const here[] = { "127.0.0.1", "127.9.9.9", "0.0.0.0", "0.1.2.3",
		"169.254.169.254", "169.254.0.1", "224.0.0.1", "255.255.255.255", "::", "::1",
		"::127.0.0.1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "fd00:ec2::254",
		"fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192" };
	static const char *const there[] = { "192.0.2.1", "10.0.0.1", "169.253.1.1", "169.255.1.1",
		"2001:db8::1", "fd00::1" };
	struct in6_addr addr;

	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		addr = address(here[i]);
		assert_false(egress_may_be_told(&addr));
	}
	for (size_t i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		addr = address(there[i]);
		assert_true(egress_may_be_told(&addr));
	}
}

static void what_is_no_rule_is_named(void **state)
{
	static const char *const bad[] = { "", "a,,b", "ex ample", "10.0.0.0/33", "a:0", "a:99999",
		"a:9-8", "*", "a,", "[fd00::1", "a/b", "*.", ":" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = ERR_INIT;
		struct egress *egress = NULL;

		if (!*bad[i]) {
			assert_int_equal(egress_new(bad[i], &egress, &err), 0);
			assert_int_equal(ask(egress, IPPROTO_TCP, "192.0.2.1", 1), EGRESS_REFUSE);
			egress_free(egress);
			continue;
		}
		assert_int_equal(egress_new(bad[i], &egress, &err), -EINVAL);
		assert_non_null(strstr(err.text, "--egress"));
	}
}

TEST_MAIN(cmocka_unit_test(none_refuses_and_all_allows),
	cmocka_unit_test(of_several_lists_all_must_allow),
	cmocka_unit_test(addresses_and_ports_are_matched),
	cmocka_unit_test(a_name_opens_the_addresses_it_was_told_for),
	cmocka_unit_test(a_star_is_not_the_name_itself),
	cmocka_unit_test(only_listed_names_are_asked_for),
	cmocka_unit_test(the_first_bytes_decide_on_a_shared_address),
	cmocka_unit_test(a_flood_of_names_forgets_the_oldest),
	cmocka_unit_test(no_name_opens_an_address_that_means_something_here_only),
	cmocka_unit_test(what_is_no_rule_is_named))
