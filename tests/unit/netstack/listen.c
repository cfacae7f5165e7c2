/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

static struct published_list list, second;

static int teardown(void **state)
{
	published_close(&list);
	published_close(&second);
	return 0;
}

static bool connects(int family, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin6.sin6_addr = in6addr_loopback;
	r = family == AF_INET ? connect(fd, (struct sockaddr *)&sin, sizeof(sin))
			      : connect(fd, (struct sockaddr *)&sin6, sizeof(sin6));
	(void)close(fd);
	return r == 0;
}

static void port_zero_is_one_free_port_in_both_families(void **state)
{
	struct wire_port want = { .proto = WIRE_TCP, .port = 80 };
	struct err err = ERR_INIT;
	size_t failed;

	assert_int_equal(published_open(&want, 1, &list, &failed, &err), 0);
	assert_true(list.ports[0].host_port > 0);
	assert_true(connects(AF_INET, list.ports[0].host_port));
	if (list.ports[0].fds[1] >= 0)
		assert_true(connects(AF_INET6, list.ports[0].host_port));
}

static void a_given_address_is_the_only_one(void **state)
{
	struct wire_port want = {
		.proto = WIRE_TCP, .port = 80, .family = AF_INET, .addr = { 127, 0, 0, 2 }
	};
	struct err err = ERR_INIT;
	size_t failed;

	assert_int_equal(published_open(&want, 1, &list, &failed, &err), 0);
	assert_int_equal(list.ports[0].fds[1], -EBADF);
	assert_false(connects(AF_INET, list.ports[0].host_port)); /* that is 127.0.0.1 */
}

static void a_conflict_names_the_port_and_leaves_none_open(void **state)
{
	struct wire_port want[2] = { { .proto = WIRE_TCP, .port = 80 },
		{ .proto = WIRE_TCP, .port = 80 } };
	struct err err = ERR_INIT;
	size_t failed = 99;
	uint16_t free_port;

	assert_int_equal(published_open(want, 2, &list, &failed, &err), 0);
	want[1].host_port = list.ports[1].host_port;
	free_port = list.ports[0].host_port;
	published_close(&list);
	want[0].host_port = free_port;
	assert_int_equal(published_open(&want[1], 1, &second, &failed, &err), 0);
	assert_int_equal(published_open(want, 2, &list, &failed, &err), -EADDRINUSE);
	assert_int_equal(failed, 1);
	assert_false(connects(AF_INET, free_port));
}

static void the_same_number_serves_tcp_and_udp(void **state)
{
	struct wire_port want[2] = { { .proto = WIRE_TCP, .port = 53 },
		{ .proto = WIRE_UDP, .port = 53 } };
	struct err err = ERR_INIT;
	size_t failed;

	assert_int_equal(published_open(want, 1, &list, &failed, &err), 0);
	want[1].host_port = list.ports[0].host_port;
	assert_int_equal(published_open(&want[1], 1, &second, &failed, &err), 0);
}

static void an_address_of_another_host_is_refused(void **state)
{
	struct wire_port want = {
		.proto = WIRE_TCP, .port = 80, .family = AF_INET, .addr = { 203, 0, 113, 9 }
	};
	struct err err = ERR_INIT;
	size_t failed = 99;

	assert_int_equal(published_open(&want, 1, &list, &failed, &err), -EADDRNOTAVAIL);
	assert_int_equal(failed, 0);
}

#define CASE(test) cmocka_unit_test_teardown(test, teardown)
TEST_MAIN(CASE(port_zero_is_one_free_port_in_both_families), CASE(a_given_address_is_the_only_one),
	CASE(a_conflict_names_the_port_and_leaves_none_open),
	CASE(the_same_number_serves_tcp_and_udp), CASE(an_address_of_another_host_is_refused))
