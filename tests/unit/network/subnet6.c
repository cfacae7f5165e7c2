/* SPDX-License-Identifier: Apache-2.0 */
#include "network/subnet6.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

static int check(const char *subnet, const char *gateway)
{
	struct err err = ERR_INIT;

	return subnet6_check(subnet, gateway, &err);
}

static void a_subnet_nobody_chose_is_local_and_made_of_the_id(void **state)
{
	char text[SUBNET6_TEXT];

	subnet6_choose("0123456789abcdef", text);
	assert_string_equal(text, "fd01:2345:6789:abcd::/64");
	assert_int_equal(check(text, "fd01:2345:6789:abcd::1"), 0);
}

static void a_subnet_is_a_whole_64_with_a_gateway_in_it(void **state)
{
	assert_int_equal(check("", ""), 0);
	assert_int_equal(check("2001:db8:1::/64", "2001:db8:1::ff"), 0);
	assert_int_equal(check("2001:db8:1::/48", "2001:db8:1::1"), -EINVAL);
	assert_int_equal(check("2001:db8:1::5/64", "2001:db8:1::1"), -EINVAL);
	assert_int_equal(check("2001:db8:1::", "2001:db8:1::1"), -EINVAL);
	assert_int_equal(check("10.0.0.0/64", "10.0.0.1"), -EINVAL);
	assert_int_equal(check("2001:db8:1::/64", "2001:db8:2::1"), -EINVAL);
	assert_int_equal(check("2001:db8:1::/64", "2001:db8:1::"), -EINVAL);
	assert_int_equal(check("2001:db8:1::/64", ""), -EINVAL);
}

static void what_has_a_meaning_of_its_own_is_no_subnet(void **state)
{
	assert_int_equal(check("::/64", "::1"), -EINVAL);
	assert_int_equal(check("fe80::/64", "fe80::1"), -EINVAL);
	assert_int_equal(check("ff02::/64", "ff02::1"), -EINVAL);
}

static void the_same_subnet_is_seen_in_other_spelling(void **state)
{
	char first[INET6_ADDRSTRLEN];
	struct err err = ERR_INIT;

	assert_true(subnet6_same("fd00:0::/64", "fd00::/64"));
	assert_false(subnet6_same("fd00::/64", "fd00:0:0:1::/64"));
	assert_false(subnet6_same("", ""));
	assert_int_equal(subnet6_first_host("fd00:7::/64", first, &err), 0);
	assert_string_equal(first, "fd00:7::1");
}

TEST_MAIN(cmocka_unit_test(a_subnet_nobody_chose_is_local_and_made_of_the_id),
	cmocka_unit_test(a_subnet_is_a_whole_64_with_a_gateway_in_it),
	cmocka_unit_test(what_has_a_meaning_of_its_own_is_no_subnet),
	cmocka_unit_test(the_same_subnet_is_seen_in_other_spelling))
