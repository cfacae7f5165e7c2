/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/frame6.h"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <string.h>

#include "harness.h"
#include "netstack/frame.h"

struct packet {
	uint8_t data[200];
	size_t len;
};

static struct packet make(uint8_t proto, const char *dst, size_t payload)
{
	struct packet p = { .len = FRAME_HEAD + 40 + payload };
	uint8_t *ip = p.data + FRAME_HEAD;

	p.data[12] = 0x86;
	p.data[13] = 0xdd;
	ip[0] = 0x60;
	ip[5] = (uint8_t)payload;
	ip[6] = proto;
	assert_int_equal(inet_pton(AF_INET6, "fd00::100", ip + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, dst, ip + 24), 1);
	if (proto == IPPROTO_TCP)
		ip[40 + 12] = 0x50;
	if (proto == IPPROTO_UDP)
		ip[40 + 5] = (uint8_t)payload;
	if (proto == IPPROTO_ICMPV6)
		ip[40] = ICMP6_ECHO_REQUEST;
	return p;
}

static bool passes(struct packet p)
{
	return frame6_clean(p.data, &p.len);
}

static uint16_t sum_of(const struct packet *p)
{
	const uint8_t *ip = p->data + FRAME_HEAD;
	size_t len = ip[5];

	return frame_checksum(ip + 8, 32 + len, (uint32_t)len + ip[6]);
}

static void plain_traffic_passes(void **state)
{
	assert_true(passes(make(IPPROTO_TCP, "2001:db8::1", 20)));
	assert_true(passes(make(IPPROTO_UDP, "2001:db8::1", 20)));
	assert_true(passes(make(IPPROTO_ICMPV6, "fd00::2", 8)));
}

static void n04_the_urgent_pointer_is_taken_out(void **state)
{
	struct packet p = make(IPPROTO_TCP, "2001:db8::1", 24);
	uint8_t *tcp = p.data + FRAME_HEAD + 40;
	uint16_t sum;

	tcp[13] = 0x30;
	tcp[19] = 7;
	sum = sum_of(&p);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	assert_true(frame6_clean(p.data, &p.len));
	assert_int_equal(tcp[13], 0x10);
	assert_int_equal(tcp[19], 0);
	assert_int_equal(sum_of(&p), 0);
}

static void this_host_and_groups_are_out_of_reach(void **state)
{
	static const char *const bad[] = { "::1", "::", "::127.0.0.1", "::ffff:127.0.0.1",
		"ff02::1" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(passes(make(IPPROTO_TCP, bad[i], 20)));
		assert_false(passes(make(IPPROTO_UDP, bad[i], 20)));
		assert_false(passes(make(IPPROTO_ICMPV6, bad[i], 8)));
	}
}

static void discovery_passes_but_no_router_speaks(void **state)
{
	struct packet p = make(IPPROTO_ICMPV6, "ff02::1:ff00:2", 24);

	p.data[FRAME_HEAD + 40] = ND_NEIGHBOR_SOLICIT;
	assert_true(passes(p));
	p.data[FRAME_HEAD + 40] = ND_ROUTER_ADVERT;
	assert_false(passes(p));
	p.data[FRAME_HEAD + 40] = ND_REDIRECT;
	assert_false(passes(p));
}

static void lengths_and_extension_headers_are_checked(void **state)
{
	struct packet p = make(IPPROTO_TCP, "2001:db8::1", 20);

	p.len--;
	assert_false(passes(p));
	p = make(IPPROTO_TCP, "2001:db8::1", 19);
	assert_false(passes(p));
	p = make(IPPROTO_TCP, "2001:db8::1", 20);
	p.data[FRAME_HEAD + 40 + 12] = 0xf0;
	assert_false(passes(p));
	p = make(IPPROTO_UDP, "2001:db8::1", 8);
	p.data[FRAME_HEAD + 40 + 5] = 9;
	assert_false(passes(p));
	assert_false(passes(make(IPPROTO_FRAGMENT, "2001:db8::1", 40)));
	assert_false(passes(make(IPPROTO_HOPOPTS, "2001:db8::1", 40)));
	p = make(IPPROTO_TCP, "2001:db8::1", 20);
	p.data[FRAME_HEAD] = 0x45;
	assert_false(passes(p));
	p = make(IPPROTO_TCP, "2001:db8::1", 20);
	p.len += 6; /* padding */
	assert_true(frame6_clean(p.data, &p.len));
	assert_int_equal(p.len, FRAME_HEAD + 60);
}

static const struct frame_port member = { .mac = { 2, 0x53, 10, 88, 0, 2 },
	.address6 = { .s6_addr = { 0xfd, [15] = 2 } } };

/* From this address, with the ICMPv6 behind `extensions` bytes of an options header. */
static struct packet speak(const char *src, uint8_t type, const char *target, uint8_t extensions)
{
	struct packet p = make(IPPROTO_ICMPV6, "ff02::1", 32u + extensions);
	uint8_t *ip = p.data + FRAME_HEAD, *icmp = ip + 40 + extensions;

	assert_int_equal(inet_pton(AF_INET6, src, ip + 8), 1);
	if (extensions) {
		ip[6] = IPPROTO_DSTOPTS;
		ip[40] = IPPROTO_ICMPV6;
		ip[41] = (uint8_t)(extensions / 8 - 1);
	}
	icmp[0] = type;
	assert_int_equal(inet_pton(AF_INET6, target, icmp + 8), 1);
	icmp[24] = type == ND_NEIGHBOR_SOLICIT ? ND_OPT_SOURCE_LINKADDR : ND_OPT_TARGET_LINKADDR;
	icmp[25] = 1;
	memcpy(icmp + 26, member.mac, 6);
	return p;
}

static bool is_own(struct packet p)
{
	return frame6_is_members_own(p.data, p.len, &member);
}

static void a_member_speaks_from_its_own_addresses_only(void **state)
{
	assert_true(is_own(speak("fd00::2", ICMP6_ECHO_REQUEST, "::", 0)));
	assert_true(is_own(speak("fe80::53:aff:fe58:2", ICMP6_ECHO_REQUEST, "::", 0)));
	assert_true(is_own(speak("::", ND_NEIGHBOR_SOLICIT, "fd00::2", 0))); /* is it free? */
	assert_false(is_own(speak("fd00::3", ICMP6_ECHO_REQUEST, "::", 0)));
	assert_false(is_own(speak("fe80::53:aff:fe58:3", ICMP6_ECHO_REQUEST, "::", 0)));
	assert_false(is_own(make(IPPROTO_UDP, "fd00::3", 20))); /* from fd00::100 */
}

static void nobody_advertises_a_neighbour_or_a_router(void **state)
{
	struct packet p = speak("fd00::2", ND_NEIGHBOR_ADVERT, "fd00::2", 0);

	assert_true(is_own(p));
	p.data[FRAME_HEAD + 40 + 26] ^= 8; /* somebody else's MAC */
	assert_false(is_own(p));
	p = speak("fd00::2", ND_NEIGHBOR_SOLICIT, "fd00::3", 0);
	assert_true(is_own(p));
	p.data[FRAME_HEAD + 40 + 26] ^= 8;
	assert_false(is_own(p));
	assert_false(is_own(speak("fd00::2", ND_NEIGHBOR_ADVERT, "fd00::3", 0)));
	assert_false(is_own(speak("fd00::2", ND_NEIGHBOR_ADVERT, "fd00::1", 0)));
	assert_false(is_own(speak("fe80::53:aff:fe58:2", ND_ROUTER_ADVERT, "::", 0)));
	assert_false(is_own(speak("fe80::53:aff:fe58:2", ND_REDIRECT, "::", 0)));
}

static void extension_headers_hide_no_advertisement(void **state)
{
	struct packet p;

	assert_true(is_own(speak("fd00::2", ND_NEIGHBOR_ADVERT, "fd00::2", 16)));
	assert_false(is_own(speak("fd00::2", ND_NEIGHBOR_ADVERT, "fd00::3", 16)));
	assert_false(is_own(speak("fe80::53:aff:fe58:2", ND_ROUTER_ADVERT, "::", 8)));
	p = speak("fd00::2", ICMP6_ECHO_REQUEST, "::", 16);
	p.data[FRAME_HEAD + 41] = 200; /* longer than the frame */
	assert_false(is_own(p));
	p = speak("fd00::2", ND_NEIGHBOR_ADVERT, "fd00::2", 0);
	p.data[FRAME_HEAD + 40 + 25] = 0; /* an option of no length */
	assert_false(is_own(p));
}

static void only_what_leaves_the_subnet_or_is_for_its_gateway_goes_up(void **state)
{
	const struct frame_lan lan = { .gateway6 = { .s6_addr = { 0xfd, [15] = 1 } } };

	assert_true(frame6_goes_up(make(IPPROTO_TCP, "2001:db8::1", 20).data, &lan));
	assert_true(frame6_goes_up(make(IPPROTO_ICMPV6, "fd00::1", 20).data, &lan));
	assert_false(frame6_goes_up(make(IPPROTO_UDP, "fd00::2", 20).data, &lan));
	assert_false(frame6_goes_up(make(IPPROTO_UDP, "fd00::ffff:ffff:ffff:ffff", 20).data,
		&lan)); /* libslirp's DNS */
	assert_false(frame6_goes_up(make(IPPROTO_TCP, "fe80::1", 20).data, &lan));
}

static void an_answer_is_for_its_destination_or_for_who_is_sought(void **state)
{
	struct packet p = speak("fd00::1", ND_NEIGHBOR_SOLICIT, "fd00::2", 0);
	struct in6_addr to = frame6_target(p.data, p.len);

	assert_memory_equal(&to, &member.address6, sizeof(to));
	p = make(IPPROTO_TCP, "fd00::2", 20);
	to = frame6_target(p.data, p.len);
	assert_memory_equal(&to, &member.address6, sizeof(to));
	p = speak("fd00::1", ND_ROUTER_ADVERT, "fd00::2", 0);
	to = frame6_target(p.data, p.len);
	assert_true(IN6_IS_ADDR_UNSPECIFIED(&to));
}

TEST_MAIN(cmocka_unit_test(a_member_speaks_from_its_own_addresses_only),
	cmocka_unit_test(nobody_advertises_a_neighbour_or_a_router),
	cmocka_unit_test(extension_headers_hide_no_advertisement),
	cmocka_unit_test(only_what_leaves_the_subnet_or_is_for_its_gateway_goes_up),
	cmocka_unit_test(an_answer_is_for_its_destination_or_for_who_is_sought),
	cmocka_unit_test(plain_traffic_passes),
	cmocka_unit_test(n04_the_urgent_pointer_is_taken_out),
	cmocka_unit_test(this_host_and_groups_are_out_of_reach),
	cmocka_unit_test(discovery_passes_but_no_router_speaks),
	cmocka_unit_test(lengths_and_extension_headers_are_checked))
