/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "netstack/frame6.h"
#include "netstack/outbound.h"

/* Members get one end of a packet socket as their tap; the test holds the other. */
struct fixture {
	struct lan lan;
	struct loop *loop;
	struct member *member[3];
	int wire[3];
};

static int join(struct lan *lan, struct in_addr want, const char *names, struct member **ret,
	struct err *err)
{
	const struct lan_wish wish = { .address = want, .names = names };

	return lan_join(lan, &wish, ret, err);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err = ERR_INIT;
	const struct lan_config config = { .gateway = { htonl(0x0a580001) }, .prefix = 24 };

	assert_non_null(f);
	assert_int_equal(loop_new(&f->loop, &err), 0);
	assert_int_equal(lan_init(&f->lan, f->loop, &config, &err), 0);
	for (int i = 0; i < 3; i++) {
		int pair[2];

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
		assert_int_equal(join(&f->lan, (struct in_addr){ 0 }, "x", &f->member[i], &err), 0);
		assert_int_equal(lan_adopt_tap(f->member[i], pair[0], &err), 0);
		f->wire[i] = pair[1];
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	lan_done(&f->lan);
	loop_free(f->loop);
	for (int i = 0; i < 3; i++)
		(void)close(f->wire[i]);
	free(f);
	return 0;
}

/* An IPv6 frame, which is switched and never goes up. */
static void say(struct fixture *f, int from, const uint8_t dst[6])
{
	uint8_t *frame = f->lan.frame;
	struct in6_addr local;

	memset(frame, 0, 80);
	memcpy(frame, dst, 6);
	memcpy(frame + 6, f->member[from]->port.mac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	frame[FRAME_HEAD] = 0x60;
	frame[FRAME_HEAD + 6] = IPPROTO_UDP;
	local = frame6_link_local(f->member[from]->port.mac);
	memcpy(frame + FRAME_HEAD + 8, &local, sizeof(local));
	lan_forward(f->member[from], 80);
}

static bool heard(struct fixture *f, int i)
{
	uint8_t frame[256];

	return recv(f->wire[i], frame, sizeof(frame), 0) == 80;
}

static void addresses_and_macs_are_given_in_order(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(ntohl(f->member[0]->port.address.s_addr), 0x0a580002);
	assert_int_equal(ntohl(f->member[2]->port.address.s_addr), 0x0a580004);
	assert_memory_equal(f->member[1]->port.mac, ((uint8_t[]){ 2, 0x53, 10, 88, 0, 3 }), 6);
}

static void a_frame_reaches_its_member_only(void **state)
{
	struct fixture *f = *state;

	say(f, 0, f->member[1]->port.mac);
	assert_true(heard(f, 1));
	assert_false(heard(f, 2));
	assert_false(heard(f, 0));
}

static void a_broadcast_reaches_everybody_else(void **state)
{
	struct fixture *f = *state;

	say(f, 1, (uint8_t[]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff });
	assert_true(heard(f, 0));
	assert_true(heard(f, 2));
	assert_false(heard(f, 1));
}

static void an_unknown_destination_reaches_nobody(void **state)
{
	struct fixture *f = *state;

	say(f, 0,
		(uint8_t[]){ 2, 0x53, 10, 88, 1, 3 }); /* last byte of a member, another network */
	assert_false(heard(f, 0) || heard(f, 1) || heard(f, 2));
}

static void a_foreign_source_is_not_switched(void **state)
{
	struct fixture *f = *state;

	say(f, 0, f->member[1]->port.mac);
	assert_true(heard(f, 1));
	memcpy(f->lan.frame + 6, f->member[2]->port.mac, 6);
	lan_forward(f->member[0], 80);
	assert_false(heard(f, 1));
}

static void a_wanted_address_is_given_back_when_it_is_free(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct in_addr want = f->member[1]->port.address;

	lan_leave(f->member[1]);
	assert_int_equal(join(&f->lan, want, "x", &f->member[1], &err), 0);
	assert_int_equal(f->member[1]->port.address.s_addr, want.s_addr);
	lan_leave(f->member[2]);
	assert_int_equal(join(&f->lan, want, "x", &f->member[2], &err), 0); /* taken */
	assert_int_equal(ntohl(f->member[2]->port.address.s_addr), 0x0a580004);
}

static void gateway_nameserver_and_broadcast_are_never_given(void **state)
{
	static const uint32_t never[] = { 0x0a580000, 0x0a580001, 0x0a5800fe, 0x0a5800ff,
		0x0a590009 };
	struct fixture *f = *state;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		struct member *member;

		assert_int_equal(
			join(&f->lan, (struct in_addr){ htonl(never[i]) }, "x", &member, &err), 0);
		assert_int_not_equal(ntohl(member->port.address.s_addr), never[i]);
	}
}

static void a_full_network_says_so(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct member *member;

	while (f->lan.n_members < 252) /* of 254 hosts: gateway and nameserver are two */
		assert_int_equal(join(&f->lan, (struct in_addr){ 0 }, "x", &member, &err), 0);
	assert_int_equal(join(&f->lan, (struct in_addr){ 0 }, "x", &member, &err), -EADDRNOTAVAIL);
	assert_non_null(strstr(err.text, "full"));
}

static void an_exact_address_is_given_or_refused(void **state)
{
	struct fixture *f = *state;
	struct lan_wish wish = { .names = "x", .exact = true };
	struct err err = ERR_INIT;
	struct member *member;

	wish.address = f->member[1]->port.address;
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), -EADDRINUSE);
	wish.address.s_addr = htonl(0x0a580001);
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), -EINVAL);
	wish.address.s_addr = htonl(0x0a590005);
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), -EINVAL);
	wish.address.s_addr = htonl(0x0a580077);
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), 0);
	assert_int_equal(member->port.address.s_addr, wish.address.s_addr);
}

static void a_chosen_mac_is_unique_and_nobody_elses(void **state)
{
	struct fixture *f = *state;
	struct lan_wish wish = { .names = "x", .mac = { 2, 0, 0, 0, 0, 3 } };
	struct err err = ERR_INIT;
	struct member *member;

	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), 0);
	assert_ptr_equal(lan_find_mac(&f->lan, wish.mac), member);
	assert_ptr_equal(lan_find_mac(&f->lan, f->member[1]->port.mac), f->member[1]);
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), -EADDRINUSE);
	wish.mac[0] = 3; /* a group */
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), -EINVAL);
	memcpy(wish.mac, "\x52\x55\x0a\x58\x00\x01", 6); /* the gateway */
	assert_int_equal(lan_join(&f->lan, &wish, &member, &err), -EINVAL);
}

static void a_range_limits_what_is_given_unasked(void **state)
{
	struct fixture *f = *state;
	const struct lan_config config = { .gateway = { htonl(0xac140001) },
		.prefix = 16,
		.range = { htonl(0xac14ff00) },
		.range_prefix = 30 };
	struct lan lan;
	struct err err = ERR_INIT;
	struct member *member;

	assert_int_equal(lan_init(&lan, f->loop, &config, &err), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(join(&lan, (struct in_addr){ 0 }, "x", &member, &err), 0);
		assert_int_equal(ntohl(member->port.address.s_addr), 0xac14ff00 + i);
	}
	assert_int_equal(join(&lan, (struct in_addr){ 0 }, "x", &member, &err), -EADDRNOTAVAIL);
	assert_int_equal(join(&lan, (struct in_addr){ htonl(0xac140105) }, "x", &member, &err), 0);
	assert_int_equal(ntohl(member->port.address.s_addr), 0xac140105);
	lan_done(&lan);
}

/* Only a monitor of another build would say so; the descriptors are ours all the same. */
static void a_way_out_without_a_listener_for_ipv4_leaks_nothing(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	struct outbound_gear gear = { .listener = { -EBADF, dup(f->wire[0]) },
		.queue = dup(f->wire[0]) };
	const int given[2] = { gear.listener[1], gear.queue };

	assert_int_equal(lan_open_way(f->member[0], &gear, &err), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(given[i], F_GETFD), -1);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
TEST_MAIN(CASE(addresses_and_macs_are_given_in_order), CASE(a_frame_reaches_its_member_only),
	CASE(a_broadcast_reaches_everybody_else), CASE(an_unknown_destination_reaches_nobody),
	CASE(a_foreign_source_is_not_switched),
	CASE(a_wanted_address_is_given_back_when_it_is_free),
	CASE(gateway_nameserver_and_broadcast_are_never_given), CASE(a_full_network_says_so),
	CASE(an_exact_address_is_given_or_refused), CASE(a_chosen_mac_is_unique_and_nobody_elses),
	CASE(a_range_limits_what_is_given_unasked),
	CASE(a_way_out_without_a_listener_for_ipv4_leaks_nothing))
