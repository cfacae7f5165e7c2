/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "options/options.h"

static int parse(const char *text, struct net_endpoint *ret)
{
	struct err err = ERR_INIT;

	*ret = (struct net_endpoint){ 0 };
	return parse_endpoint(text, ret, &err);
}

static void a_name_is_a_name(void **state)
{
	static const char *const names[] = { "bridge", "host", "n1", "container:web", "ns:/a:b",
		"bridge:host-loopback", "n1:host-loopback=80,81" };
	struct net_endpoint e;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(parse(names[i], &e), 0);
		assert_string_equal(e.network, names[i]);
		assert_null(e.ip);
		assert_int_equal(e.aliases.n, 0);
		net_endpoint_done(&e);
	}
}

static void both_long_forms_are_read(void **state)
{
	static const char *const texts[] = { "n1:alias=a,alias=b,ip=10.0.0.9,mac=02:00:00:00:00:01",
		"name=n1,mac-address=02:00:00:00:00:01,alias=a,alias=b,ip=10.0.0.9" };
	struct net_endpoint e;

	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(parse(texts[i], &e), 0);
		assert_string_equal(e.network, "n1");
		assert_string_equal(e.ip, "10.0.0.9");
		assert_string_equal(e.mac, "02:00:00:00:00:01");
		assert_int_equal(e.aliases.n, 2);
		assert_string_equal(e.aliases.v[1], "b");
		net_endpoint_done(&e);
	}
}

static void what_is_not_known_is_refused(void **state)
{
	static const char *const bad[] = { "n1:", "n1:x", "n1:x=y", "n1:ip=", "n1:=y",
		"n1:ip=1,ip=2", "name=a,name=b", "n1:name=n2" };
	struct net_endpoint e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(bad[i], &e), -EINVAL);
}

TEST_MAIN(cmocka_unit_test(a_name_is_a_name), cmocka_unit_test(both_long_forms_are_read),
	cmocka_unit_test(what_is_not_known_is_refused))
