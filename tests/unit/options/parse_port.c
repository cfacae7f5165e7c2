/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "harness.h"

/* acceptance row 30 */
static void dockers_forms_are_understood(void **state)
{
	static const struct {
		const char *text, *ip;
		uint16_t host, port;
		enum publish_proto proto;
		size_t n;
	} good[] = {
		{ "80", "", 0, 80, PUBLISH_TCP, 1 },
		{ "8080:80", "", 8080, 80, PUBLISH_TCP, 1 },
		{ ":80", "", 0, 80, PUBLISH_TCP, 1 },
		{ "0:80", "", 0, 80, PUBLISH_TCP, 1 },
		{ "127.0.0.1:8080:80", "127.0.0.1", 8080, 80, PUBLISH_TCP, 1 },
		{ "127.0.0.1::80", "127.0.0.1", 0, 80, PUBLISH_TCP, 1 },
		{ "0.0.0.0:1:1", "0.0.0.0", 1, 1, PUBLISH_TCP, 1 },
		{ "53:53/udp", "", 53, 53, PUBLISH_UDP, 1 },
		{ "53:53/UDP", "", 53, 53, PUBLISH_UDP, 1 },
		{ "80/tcp", "", 0, 80, PUBLISH_TCP, 1 },
		{ "5000:5000/sctp", "", 5000, 5000, PUBLISH_SCTP, 1 },
		{ "8000-8002:9000-9002", "", 8000, 9000, PUBLISH_TCP, 3 },
		{ "3000-3005", "", 0, 3000, PUBLISH_TCP, 6 },
		{ "127.0.0.1:7000-7001:70-71/udp", "127.0.0.1", 7000, 70, PUBLISH_UDP, 2 },
		{ "[::1]:8080:80", "::1", 8080, 80, PUBLISH_TCP, 1 },
		{ "[::1]::80", "::1", 0, 80, PUBLISH_TCP, 1 },
		{ "[fe80::1]:1:2/udp", "fe80::1", 1, 2, PUBLISH_UDP, 1 },
		{ "::1:8080:80", "::1", 8080, 80, PUBLISH_TCP, 1 },
		{ "65535:65535", "", 65535, 65535, PUBLISH_TCP, 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		autofree struct publish *list = NULL;
		struct err err = ERR_INIT;
		size_t n = 0;

		if (parse_publish(good[i].text, &list, &n, &err) != 0)
			fail_msg("%s: %s", good[i].text, err.text);
		assert_int_equal(n, good[i].n);
		assert_string_equal(list[0].host_ip, good[i].ip);
		assert_int_equal(list[0].host_port, good[i].host);
		assert_int_equal(list[0].port, good[i].port);
		assert_int_equal(list[0].proto, good[i].proto);
		assert_int_equal(list[n - 1].port, good[i].port + n - 1);
		if (good[i].host)
			assert_int_equal(list[n - 1].host_port, good[i].host + n - 1);
	}
}

static void everything_else_is_refused_with_dockers_words(void **state)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "no port specified" },
		{ "8080:", "no port specified" },
		{ "abc", "invalid containerPort: abc" },
		{ "0", "invalid containerPort: 0" },
		{ "65536", "invalid containerPort: 65536" },
		{ "-1", "invalid containerPort: -1" },
		{ "+80", "invalid containerPort: +80" },
		{ "0x50", "invalid containerPort: 0x50" },
		{ "80 ", "invalid containerPort: 80 " },
		{ "90-80", "invalid containerPort: 90-80" },
		{ "80-", "invalid containerPort: 80-" },
		{ "80-81-82", "invalid containerPort" },
		{ "abc:80", "invalid hostPort: abc" },
		{ "99999:80", "invalid hostPort: 99999" },
		{ "80/icmp", "invalid proto: icmp" },
		{ "80/", "invalid proto: " },
		{ "localhost:80:80", "invalid IP address: localhost" },
		{ "1.2.3:80:80", "invalid IP address: 1.2.3" },
		{ "256.0.0.1:80:80", "invalid IP address" },
		{ "[::1:80:80", "invalid IP address" },
		{ "80-81:90-92", "invalid ranges specified" },
		{ "80:80-81", "invalid ranges specified" },
		{ "9999999999999999999999:80", "invalid hostPort" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autofree struct publish *list = NULL;
		struct err err = ERR_INIT;
		size_t n = 0;

		assert_int_equal(parse_publish(bad[i].text, &list, &n, &err), -EINVAL);
		if (!strstr(err.text, bad[i].message))
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_int_equal(n, 0);
	}
}

static void several_calls_append(void **state)
{
	autofree struct publish *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(parse_publish("1:1", &list, &n, &err), 0);
	assert_int_equal(parse_publish("2-3:2-3", &list, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(list[2].host_port, 3);
}

static void a_range_for_one_port_means_its_first_free_one(void **state)
{
	autofree struct publish *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	assert_int_equal(parse_publish("8000-8010:80", &list, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].host_port, 8000);
	assert_int_equal(list[0].host_last, 8010);
	assert_int_equal(parse_publish("8000-8001:80-81", &list, &n, &err), 0);
	assert_int_equal(n, 3);
	assert_int_equal(list[1].host_last, 0);
}

static void ports_of_the_hosts_loopback_are_numbers(void **state)
{
	static const char *const bad[] = { "", "0", "80,", ",80", "80,x", "65536", "80-81" };
	struct loopback_ports ports = { 0 };
	struct err err = ERR_INIT;

	assert_int_equal(parse_loopback_ports("80,5432", &ports, &err), 0);
	assert_int_equal(parse_loopback_ports("6379", &ports, &err), 0);
	assert_int_equal(ports.n, 3);
	assert_int_equal(ports.port[2], 6379);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct loopback_ports none = { 0 };

		assert_int_equal(parse_loopback_ports(bad[i], &none, &err), -EINVAL);
	}
	while (ports.n < LOOPBACK_PORTS_MAX)
		assert_int_equal(parse_loopback_ports("1", &ports, &err), 0);
	assert_int_equal(parse_loopback_ports("1", &ports, &err), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(a_range_for_one_port_means_its_first_free_one),
	cmocka_unit_test(ports_of_the_hosts_loopback_are_numbers),
	cmocka_unit_test(dockers_forms_are_understood),
	cmocka_unit_test(everything_else_is_refused_with_dockers_words),
	cmocka_unit_test(several_calls_append))
