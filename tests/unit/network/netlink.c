/* SPDX-License-Identifier: Apache-2.0 */
#include "network/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "harness.h"

static void lengths_cover_body_and_padded_attributes(void **state)
{
	struct netlink nl = NETLINK_INIT;
	struct ifinfomsg link = { .ifi_index = 1 };
	const struct nlmsghdr *head = (const void *)nl.data;

	netlink_add(&nl, "one", RTM_NEWLINK, 0);
	netlink_body(&nl, &link, sizeof(link));
	netlink_attr(&nl, IFLA_ADDRESS, "\1\2\3\4\5\6", 6);
	assert_int_equal(head->nlmsg_len, sizeof(*head) + sizeof(link) + 4 + 8);
	assert_int_equal(head->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	netlink_add(&nl, "two", RTM_NEWLINK, 0);
	netlink_body(&nl, &link, sizeof(link));
	assert_int_equal(nl.len, head->nlmsg_len + sizeof(*head) + sizeof(link));
	assert_int_equal(nl.count, 2);
}

static void too_many_requests_fail_when_they_are_sent(void **state)
{
	struct netlink nl = NETLINK_INIT;
	struct err err = ERR_INIT;

	for (int i = 0; i < 33; i++)
		netlink_add(&nl, "again", RTM_NEWLINK, 0);
	assert_int_equal(netlink_run(&nl, &err), -ENOSPC);
}

static void too_long_an_attribute_fails_when_it_is_sent(void **state)
{
	struct netlink nl = NETLINK_INIT;
	struct err err = ERR_INIT;
	uint8_t large[256] = { 0 };

	netlink_add(&nl, "one", RTM_NEWLINK, 0);
	netlink_attr(&nl, IFLA_ADDRESS, large, sizeof(large));
	assert_int_equal(netlink_run(&nl, &err), -ENOSPC);
}

static void the_failed_request_is_named(void **state)
{
	struct netlink nl = NETLINK_INIT;
	struct ifinfomsg link = {
		.ifi_index = 987654
	}; /* no such device: refused for every user */
	struct err err = ERR_INIT;

	netlink_add(&nl, "change what is not there", RTM_NEWLINK, 0);
	netlink_body(&nl, &link, sizeof(link));
	assert_true(netlink_run(&nl, &err) < 0);
	assert_non_null(strstr(err.text, "change what is not there: "));
}

TEST_MAIN(cmocka_unit_test(lengths_cover_body_and_padded_attributes),
	cmocka_unit_test(too_many_requests_fail_when_they_are_sent),
	cmocka_unit_test(too_long_an_attribute_fails_when_it_is_sent),
	cmocka_unit_test(the_failed_request_is_named))
