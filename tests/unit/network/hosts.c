/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <string.h>

#include "harness.h"
#include "network/network.h"

static struct network make(enum network_kind kind)
{
	return (struct network){
		.kind = kind,
		.control = -EBADF,
		.address = { htonl(0x0a580003) },
		.gateway = { htonl(0x0a580001) },
		.host = { htonl(0xc0000202) },
	};
}

static char *hosts(const struct network *net)
{
	struct err err = ERR_INIT;
	char *text = NULL;

	assert_int_equal(network_hosts(net, "box", &text, &err), 0);
	return text;
}

static void a_bridge_knows_itself_localhost_and_the_host(void **state)
{
	struct network net = make(NETWORK_BRIDGE);
	char *text = hosts(&net);

	assert_non_null(strstr(text, "127.0.0.1\tlocalhost\n"));
	assert_non_null(strstr(text, "::1\tlocalhost "));
	assert_non_null(strstr(text, "10.88.0.3\tbox\n"));
	assert_non_null(strstr(text, "192.0.2.2\thost.containers.internal host.docker.internal\n"));
	free(text);
}

static void a_name_with_a_domain_is_found_without_it_too(void **state)
{
	static const struct {
		const char *hostname, *domain, *names;
	} cases[] = {
		{ "web", NULL, "web" },
		{ "web", "example.org", "web.example.org web" },
		{ "web.example.org", NULL, "web.example.org web" },
		{ "web.lab", "example.org", "web.lab.example.org web" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *names = network_own_names(cases[i].hostname, cases[i].domain);

		assert_string_equal(names, cases[i].names);
		free(names);
	}
}

static void without_an_address_of_its_own_the_host_is_the_gateway(void **state)
{
	struct network net = make(NETWORK_BRIDGE);
	char *text;

	net.host.s_addr = 0;
	text = hosts(&net);
	assert_non_null(strstr(text, "10.88.0.1\thost.containers.internal"));
	free(text);
}

static void added_hosts_come_before_the_standard_names_of_the_host(void **state)
{
	struct network net = make(NETWORK_BRIDGE);
	char *text;

	strv_add(&net.add_host, "db:10.0.0.5");
	strv_add(&net.add_host, "six:fd00::1");
	strv_add(&net.add_host, "me:host-gateway");
	text = hosts(&net);
	assert_non_null(strstr(text, "\n10.0.0.5\tdb\n"));
	assert_non_null(strstr(text, "\nfd00::1\tsix\n"));
	assert_non_null(strstr(text, "\n192.0.2.2\tme\n"));
	assert_true(strstr(text, "\tdb\n") < strstr(text, "host.docker.internal"));
	free(text);
	network_done(&net);
}

static void without_a_network_only_localhost_is_left(void **state)
{
	struct network net = make(NETWORK_NONE);
	char *text = hosts(&net);

	assert_non_null(strstr(text, "127.0.0.1\tbox\n"));
	assert_null(strstr(text, "internal"));
	free(text);
}

static void a_bridge_asks_the_gateway_for_names(void **state)
{
	struct network net = make(NETWORK_BRIDGE);
	struct err err = ERR_INIT;
	char *text = NULL;

	assert_int_equal(network_resolv(&net, &text, &err), 0);
	assert_non_null(strstr(text, "nameserver 10.88.0.1\n"));
	free(text);
}

static void given_servers_replace_the_gateway(void **state)
{
	struct network net = make(NETWORK_BRIDGE);
	struct err err = ERR_INIT;
	char *text = NULL;

	strv_add(&net.dns, "9.9.9.9");
	strv_add(&net.dns, "2620:fe::fe");
	assert_int_equal(network_resolv(&net, &text, &err), 0);
	assert_non_null(strstr(text, "nameserver 9.9.9.9\nnameserver 2620:fe::fe\n"));
	assert_null(strstr(text, "10.88.0.1"));
	free(text);
	network_done(&net);
}

static void search_and_options_are_the_users(void **state)
{
	struct network net = make(NETWORK_BRIDGE);
	struct err err = ERR_INIT;
	char *text = NULL;

	strv_add(&net.dns_search, "lab.example");
	strv_add(&net.dns_search, "example");
	strv_add(&net.dns_option, "ndots:2");
	assert_int_equal(network_resolv(&net, &text, &err), 0);
	assert_string_equal(
		text, "search lab.example example\noptions ndots:2\nnameserver 10.88.0.1\n");
	free(text);
	strv_done(&net.dns_search);
	strv_add(&net.dns_search, ".");
	assert_int_equal(network_resolv(&net, &text, &err), 0);
	assert_string_equal(text, "options ndots:2\nnameserver 10.88.0.1\n");
	free(text);
	network_done(&net);
}

static void without_a_network_there_is_no_server(void **state)
{
	struct network net = make(NETWORK_NONE);
	struct err err = ERR_INIT;
	char *text = NULL;

	assert_int_equal(network_resolv(&net, &text, &err), 0);
	assert_string_equal(text, "");
	free(text);
}

TEST_MAIN(cmocka_unit_test(a_bridge_knows_itself_localhost_and_the_host),
	cmocka_unit_test(a_name_with_a_domain_is_found_without_it_too),
	cmocka_unit_test(without_an_address_of_its_own_the_host_is_the_gateway),
	cmocka_unit_test(added_hosts_come_before_the_standard_names_of_the_host),
	cmocka_unit_test(without_a_network_only_localhost_is_left),
	cmocka_unit_test(a_bridge_asks_the_gateway_for_names),
	cmocka_unit_test(given_servers_replace_the_gateway),
	cmocka_unit_test(search_and_options_are_the_users),
	cmocka_unit_test(without_a_network_there_is_no_server))
