/* SPDX-License-Identifier: Apache-2.0 */
#include "network/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"

/* 6379 listens, 8080 is only an established connection, 53 is UDP's. */
static const char table[] =
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	"   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 x\n"
	"   1: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 x\n"
	"  12: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     7        0 4244 2 x\n";

static void a_listener_is_found_with_its_owner(void **state)
{
	uint64_t inode = 0;
	uint32_t uid = 0;

	assert_true(ports_find_holder(table, 6379, PUBLISH_TCP, &inode, &uid));
	assert_int_equal(inode, 4242);
	assert_int_equal(uid, 1000);
	assert_false(ports_find_holder(table, 8080, PUBLISH_TCP, &inode, &uid));
	assert_true(ports_find_holder(table, 53, PUBLISH_UDP, &inode, &uid));
	assert_int_equal(uid, 7);
	assert_false(ports_find_holder("", 53, PUBLISH_UDP, &inode, &uid));
	assert_false(ports_find_holder("nonsense\n\n", 53, PUBLISH_UDP, &inode, &uid));
}

static void our_own_listener_is_named_with_its_pid(void **state)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	struct err why = { .code = -EADDRINUSE }, err = ERR_INIT;
	struct publish port = { .port = 80 };
	char pid[32];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	port.host_port = ntohs(sin.sin_port);
	r = ports_explain(&port, &why, "", &err);
	(void)close(fd);
	assert_int_equal(r, -EADDRINUSE);
	assert_string_equal(err.id, "E-PORT-USED");
	(void)snprintf(pid, sizeof(pid), "pid %d, yours", (int)getpid());
	assert_non_null(strstr(err.text, pid));
}

static void another_container_is_named(void **state)
{
	struct err why = { .code = -EADDRINUSE }, err = ERR_INIT;
	struct publish port = { .host_port = 8080, .port = 80 };

	assert_int_equal(ports_explain(&port, &why, "web", &err), -EADDRINUSE);
	assert_non_null(strstr(err.text, "port 8080 is held by container web"));
}

static void a_low_port_says_what_to_do_without_root(void **state)
{
	struct err why = { .code = -EACCES }, err = ERR_INIT;
	struct publish port = { .host_port = 80, .port = 8000 };

	assert_int_equal(ports_explain(&port, &why, "", &err), -EACCES);
	assert_string_equal(err.id, "E-PORT-LOW");
	assert_non_null(strstr(err.text, "-p 8080:8000"));
	assert_non_null(strstr(err.text, "ip_unprivileged_port_start=80"));
}

static void other_failures_keep_their_words(void **state)
{
	struct err why = { .code = -ENFILE, .text = "make a socket: too many" }, err = ERR_INIT;
	struct publish port = { .host_port = 8080, .port = 80, .proto = PUBLISH_UDP };

	assert_int_equal(ports_explain(&port, &why, "", &err), -ENFILE);
	assert_non_null(strstr(err.text, "8080/udp"));
	assert_non_null(strstr(err.text, "too many"));
}

TEST_MAIN(cmocka_unit_test(a_listener_is_found_with_its_owner),
	cmocka_unit_test(our_own_listener_is_named_with_its_pid),
	cmocka_unit_test(another_container_is_named),
	cmocka_unit_test(a_low_port_says_what_to_do_without_root),
	cmocka_unit_test(other_failures_keep_their_words))
