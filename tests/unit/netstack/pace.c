/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/pace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "harness.h"

static union syn_address address_of(const char *text)
{
	union syn_address ret = { .any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET };
	void *at = ret.any.sa_family == AF_INET6 ? (void *)&ret.in6.sin6_addr : &ret.in.sin_addr;

	assert_int_equal(inet_pton(ret.any.sa_family, text, at), 1);
	return ret;
}

static void one_address_at_both_ends_or_loopback_is_this_machine(void **state)
{
	static const struct {
		const char *own, *peer;
		bool local;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "127.0.0.9", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "::1", "::1", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1", "2001:db8::2", false },
		{ "192.0.2.1", "2001:db8::2", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		union syn_address own = address_of(cases[i].own), peer = address_of(cases[i].peer);

		assert_int_equal(pace_is_local(&own, &peer), cases[i].local);
	}
}

static void assert_control(int fd, const char *name)
{
	char is[16] = "";
	socklen_t len = sizeof(is);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, is, &len), 0);
	assert_string_equal(is, name);
}

/* A host that paces, as far as pace.c knows; "" on others. */
static void see_connection(const struct pace *pace, const char *accepted, const char *connected)
{
	union syn_address at = address_of("127.0.0.1");
	socklen_t len = sizeof(at.in);
	int listener = socket(AF_INET, SOCK_STREAM, 0), out = socket(AF_INET, SOCK_STREAM, 0), in;

	pace_off(pace, listener);
	pace_off(pace, out);
	assert_int_equal(bind(listener, &at.any, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, &at.any, &len), 0);
	assert_int_equal(connect(out, &at.any, len), 0);
	in = accept(listener, NULL, NULL);
	assert_true(in >= 0);
	pace_settle(pace, in);
	pace_settle(pace, out);
	assert_control(in, accepted);
	assert_control(out, connected);
	close(in);
	close(out);
	close(listener);
}

static void connections_on_this_machine_stay_without_pacing(void **state)
{
	see_connection(&(struct pace){ "bbr" }, "reno", "reno");
}

static void where_nothing_paces_the_hosts_choice_stands(void **state)
{
	char is[16] = "";
	socklen_t len = sizeof(is);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, is, &len), 0);
	close(fd);
	see_connection(&(struct pace){ "" }, is, is);
	assert_string_equal(pace_find().own, strncmp(is, "bbr", 3) == 0 ? is : "");
}

static void what_has_no_peer_is_left_alone(void **state)
{
	const struct pace pace = { "bbr" };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	pace_off(&pace, fd);
	pace_settle(&pace, fd);
	assert_control(fd, "reno");
	pace_settle(&pace, -EBADF);
	close(fd);
}

TEST_MAIN(cmocka_unit_test(one_address_at_both_ends_or_loopback_is_this_machine),
	cmocka_unit_test(connections_on_this_machine_stay_without_pacing),
	cmocka_unit_test(where_nothing_paces_the_hosts_choice_stands),
	cmocka_unit_test(what_has_no_peer_is_left_alone))
