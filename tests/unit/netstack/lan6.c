/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/lan6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "netstack/frame6.h"

struct fixture {
	struct lan lan;
	struct loop *loop;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	const struct lan_config config = { .gateway = { htonl(0x0a5800fd) },
		.prefix = 24,
		.gateway6 = { .s6_addr = { 0xfd, [7] = 7, [15] = 1 } } };

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(lan_init(&f->lan, f->loop, &config, &err), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lan_done(&f->lan);
	loop_free(f->loop);
	free(f);
	return 0;
}

static int join(struct fixture *f, const char *exact, struct member **ret)
{
	struct lan_wish wish = { .names = "x", .exact6 = exact != NULL };
	struct err err = ERR_INIT;

	if (exact)
		assert_int_equal(inet_pton(AF_INET6, exact, &wish.address6), 1);
	return lan_join(&f->lan, &wish, ret, &err);
}

static void assert_has(const struct member *member, const char *address)
{
	char text[INET6_ADDRSTRLEN];

	assert_non_null(inet_ntop(AF_INET6, &member->port.address6, text, sizeof(text)));
	assert_string_equal(text, address);
}

static void members_have_the_number_of_their_other_address(void **state)
{
	struct member *first, *second;

	assert_int_equal(join(*state, NULL, &first), 0); /* 10.88.0.1 */
	assert_int_equal(join(*state, NULL, &second), 0);
	assert_has(first, "fd00::7:0:1:0:1"); /* ::1 is the gateway */
	assert_has(second, "fd00:0:0:7::2");
}

static void an_exact_address_is_given_or_refused_and_others_go_round_it(void **state)
{
	struct member *one, *two;

	assert_int_equal(join(*state, NULL, &two), 0);
	assert_int_equal(join(*state, "fd00:0:0:7::3", &one), 0); /* 10.88.0.2 */
	assert_has(one, "fd00:0:0:7::3");
	assert_int_equal(join(*state, "fd00:0:0:7::3", &two), -EADDRINUSE);
	assert_int_equal(join(*state, "fd00:0:0:7::1", &two), -EINVAL);
	assert_int_equal(join(*state, "fd00:0:0:7::", &two), -EINVAL);
	assert_int_equal(join(*state, "fd00:0:0:8::3", &two), -EINVAL);
	assert_int_equal(join(*state, "fd00:0:0:7:ffff:ffff:ffff:ffff", &two), -EINVAL);
	assert_int_equal(join(*state, NULL, &two), 0); /* 10.88.0.3 */
	assert_has(two, "fd00::7:0:1:0:3");
	lan_leave(one);
	assert_int_equal(join(*state, "fd00:0:0:7::3", &one), 0);
}

static void a_member_is_found_by_both_of_its_addresses(void **state)
{
	struct fixture *f = *state;
	struct member *member;
	struct in6_addr address, local, none = IN6ADDR_ANY_INIT;

	assert_int_equal(join(f, NULL, &member), 0);
	address = member->port.address6;
	local = frame6_link_local(member->port.mac);
	assert_ptr_equal(lan6_find(&f->lan, &address), member);
	assert_ptr_equal(lan6_find(&f->lan, &local), member);
	assert_null(lan6_find(&f->lan, &none));
	lan_leave(member);
	assert_null(lan6_find(&f->lan, &address));
	assert_null(lan6_find(&f->lan, &local));
}

/* An echo request to this address. */
static bool goes_up(struct fixture *f, const char *to)
{
	uint8_t frame[FRAME_HEAD + 48] = { [12] = 0x86, 0xdd, 0x60 };
	size_t len = sizeof(frame);

	frame[FRAME_HEAD + 5] = 8;
	frame[FRAME_HEAD + 6] = IPPROTO_ICMPV6;
	frame[FRAME_HEAD + 40] = 128;
	assert_int_equal(inet_pton(AF_INET6, to, frame + FRAME_HEAD + 24), 1);
	return lan6_may_go_up(&f->lan, frame, &len);
}

static void nothing_leaves_an_internal_network_or_one_without_ipv6(void **state)
{
	struct fixture *f = *state;

	assert_true(goes_up(f, "2001:db8::1"));
	f->lan.internal = true;
	assert_false(goes_up(f, "2001:db8::1"));
	assert_true(goes_up(f, "fd00:0:0:7::1"));
	f->lan.internal = false;
	memset(&f->lan.addresses.gateway6, 0, sizeof(struct in6_addr));
	assert_false(goes_up(f, "2001:db8::1"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
TEST_MAIN(CASE(members_have_the_number_of_their_other_address),
	CASE(an_exact_address_is_given_or_refused_and_others_go_round_it),
	CASE(a_member_is_found_by_both_of_its_addresses),
	CASE(nothing_leaves_an_internal_network_or_one_without_ipv6))
