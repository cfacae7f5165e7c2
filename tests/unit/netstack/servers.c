/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static const char *text_of(const struct wire_server *server)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(server->family, server->addr, text, sizeof(text));
}

static void servers_are_read_as_resolv_conf_says_them(void **state)
{
	struct servers servers = { 0 };

	servers_parse("# nameserver 9.9.9.9\nsearch a\nnameserver\t192.0.2.1 # first\n"
		      "nameserver 2001:db8::1\nnameserver fe80::1%eth0\nnameservers 1.1.1.1\n"
		      "nameserver 192.0.2.2",
		&servers);
	assert_int_equal(servers.n, 3);
	assert_string_equal(text_of(&servers.list[0]), "192.0.2.1");
	assert_string_equal(text_of(&servers.list[1]), "2001:db8::1");
	assert_string_equal(text_of(&servers.list[2]), "192.0.2.2");
}

static void without_servers_it_is_this_machines(void **state)
{
	struct servers servers = { 0 };

	servers_parse("search a\n", &servers);
	assert_int_equal(servers.n, 1);
	assert_string_equal(text_of(&servers.list[0]), "127.0.0.1");
}

static void there_is_an_end_to_servers(void **state)
{
	struct servers servers = { 0 };
	static const char line[] = "nameserver 192.0.2.1\n";
	char text[1024] = "";

	for (size_t i = 0; i < SERVERS_MAX + 4; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
	servers_parse(text, &servers);
	assert_int_equal(servers.n, SERVERS_MAX);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static void a_changed_file_is_followed_and_a_lost_one_forgiven(void **state)
{
	struct servers servers = { 0 };
	char path[] = "/tmp/servers-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(close(fd), 0);
	write_file(path, "nameserver 192.0.2.1\n");
	servers_follow(&servers, path);
	assert_string_equal(text_of(&servers.list[0]), "192.0.2.1");
	write_file(path, "nameserver 192.0.2.200\n");
	servers_follow(&servers, path);
	assert_string_equal(text_of(&servers.list[0]), "192.0.2.200");
	assert_int_equal(servers.changes, 2);
	servers_follow(&servers, path);
	assert_int_equal(servers.changes, 2);
	assert_int_equal(unlink(path), 0);
	servers_follow(&servers, path);
	assert_string_equal(text_of(&servers.list[0]), "192.0.2.200");
}

TEST_MAIN(cmocka_unit_test(servers_are_read_as_resolv_conf_says_them),
	cmocka_unit_test(without_servers_it_is_this_machines),
	cmocka_unit_test(there_is_an_end_to_servers),
	cmocka_unit_test(a_changed_file_is_followed_and_a_lost_one_forgiven))
