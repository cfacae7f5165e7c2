/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/inside.h"

#include <arpa/inet.h>

#include "harness.h"

static struct inside inside_of(bool keep)
{
	struct inside inside = { .keep_clients = keep, .keep_clients6 = keep };

	assert_int_equal(inet_pton(AF_INET, "10.88.0.2", &inside.address), 1);
	assert_int_equal(inet_pton(AF_INET, "10.88.0.1", &inside.gateway), 1);
	assert_int_equal(inet_pton(AF_INET6, "fd00::2", &inside.address6), 1);
	assert_int_equal(inet_pton(AF_INET6, "fd00::1", &inside.gateway6), 1);
	return inside;
}

static union syn_address address_of(const char *text)
{
	union syn_address ret = { .in = { .sin_family = AF_INET, .sin_port = htons(4000) } };

	if (inet_pton(AF_INET, text, &ret.in.sin_addr) == 1)
		return ret;
	ret = (union syn_address){ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(4000) } };
	assert_int_equal(inet_pton(AF_INET6, text, &ret.in6.sin6_addr), 1);
	return ret;
}

static const char *text_of(const union syn_address *address, char text[INET6_ADDRSTRLEN])
{
	return address->any.sa_family == AF_INET6
		       ? inet_ntop(AF_INET6, &address->in6.sin6_addr, text, INET6_ADDRSTRLEN)
		       : inet_ntop(AF_INET, &address->in.sin_addr, text, INET6_ADDRSTRLEN);
}

static void assert_seen(const struct inside *inside, const char *client, const char *to,
	const char *seen, unsigned port)
{
	union syn_address from = address_of(client), target = address_of(to), source;
	char text[INET6_ADDRSTRLEN];
	bool foreign = inside_source(inside, SOCK_STREAM, &from, &target, &source);

	assert_int_equal(foreign, inside->keep_clients);
	assert_string_equal(text_of(&source, text), seen);
	assert_int_equal(ntohs(source.in.sin_port), port);
}

static void a_client_keeps_address_and_port_of_its_own_family(void **state)
{
	struct inside inside = inside_of(true);

	assert_seen(&inside, "203.0.113.9", "10.88.0.2", "203.0.113.9", 4000);
	assert_seen(&inside, "203.0.113.9", "127.0.0.1", "203.0.113.9", 4000);
	assert_seen(&inside, "2001:db8::9", "fd00::2", "2001:db8::9", 4000);
	assert_seen(&inside, "2001:db8::9", "::1", "2001:db8::9", 4000);
}

static void clients_whose_address_means_nothing_inside_are_the_gateway(void **state)
{
	static const char *const clients[] = { "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.88.0.2",
		"::1", "::", "fe80::5", "ff02::1", "::ffff:127.0.0.1", "fd00::2" };
	struct inside inside = inside_of(true);

	for (size_t i = 0; i < sizeof(clients) / sizeof(*clients); i++) {
		assert_seen(&inside, clients[i], "10.88.0.2", "10.88.0.1", 0);
		assert_seen(&inside, clients[i], "fd00::2", "fd00::1", 0);
	}
	assert_seen(&inside, "2001:db8::9", "10.88.0.2", "10.88.0.1", 0);
	assert_seen(&inside, "203.0.113.9", "fd00::2", "fd00::1", 0);
}

static void where_answers_leave_everybody_is_the_container_itself(void **state)
{
	struct inside inside = inside_of(false);

	assert_seen(&inside, "203.0.113.9", "127.0.0.1", "10.88.0.2", 0);
	assert_seen(&inside, "::1", "::1", "fd00::2", 0);
}

static void over_udp_clients_are_kept_but_for_programs_on_the_loopback(void **state)
{
	static const struct {
		const char *client, *to, *seen;
	} cases[] = { { "203.0.113.9", "10.88.0.2", "203.0.113.9" },
		{ "2001:db8::9", "fd00::2", "2001:db8::9" },
		{ "127.0.0.1", "10.88.0.2", "10.88.0.1" },
		{ "203.0.113.9", "127.0.0.1", "10.88.0.2" }, { "2001:db8::9", "::1", "fd00::2" } };
	struct inside inside = inside_of(false);
	char text[INET6_ADDRSTRLEN];

	inside.keep_datagrams = inside.keep_datagrams6 = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		union syn_address from = address_of(cases[i].client), to = address_of(cases[i].to),
				  source;

		assert_int_equal(inside_source(&inside, SOCK_DGRAM, &from, &to, &source), i < 3);
		assert_string_equal(text_of(&source, text), cases[i].seen);
		assert_false(inside_source(&inside, SOCK_STREAM, &from, &to, &source));
	}
}

static void assert_order(
	const struct inside *inside, const char *client, const char *const want[INSIDE_ATTEMPTS])
{
	union syn_address from = address_of(client), to;
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < INSIDE_ATTEMPTS; i++) {
		bool there = inside_target(inside, &from, i, 80, &to);

		assert_int_equal(there, want[i] != NULL);
		if (there)
			assert_string_equal(text_of(&to, text), want[i]);
		if (there)
			assert_int_equal(ntohs(to.in.sin_port), 80);
	}
}

static void the_clients_own_family_comes_first(void **state)
{
	struct inside inside = inside_of(true);

	assert_order(&inside, "203.0.113.9",
		(const char *const[]){ "10.88.0.2", "127.0.0.1", "fd00::2", "::1" });
	assert_order(&inside, "2001:db8::9",
		(const char *const[]){ "fd00::2", "::1", "10.88.0.2", "127.0.0.1" });
	inside.address6 = (struct in6_addr){ 0 };
	assert_order(&inside, "2001:db8::9",
		(const char *const[]){ NULL, NULL, "10.88.0.2", "127.0.0.1" });
	assert_order(&inside, "203.0.113.9",
		(const char *const[]){ "10.88.0.2", "127.0.0.1", NULL, NULL });
}

TEST_MAIN(cmocka_unit_test(a_client_keeps_address_and_port_of_its_own_family),
	cmocka_unit_test(clients_whose_address_means_nothing_inside_are_the_gateway),
	cmocka_unit_test(where_answers_leave_everybody_is_the_container_itself),
	cmocka_unit_test(over_udp_clients_are_kept_but_for_programs_on_the_loopback),
	cmocka_unit_test(the_clients_own_family_comes_first))
