/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/frame.h"

#include <arpa/inet.h>
#include <string.h>

#include "harness.h"

static const struct frame_port port = { .mac = { 2, 0x53, 10, 88, 0, 3 },
	.address = { 0 /* set by make() */ } };

struct packet {
	uint8_t data[FRAME_MAX];
	size_t len;
};

static struct in_addr addr(const char *text)
{
	struct in_addr a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return a;
}

static struct frame_lan make_lan(void)
{
	return (struct frame_lan){ .network = addr("10.88.0.0"),
		.mask = addr("255.255.255.0"),
		.gateway = addr("10.88.0.1"),
		.nameserver = addr("10.88.0.2") };
}

static struct frame_port make_port(void)
{
	struct frame_port p = port;

	p.address = addr("10.88.0.3");
	return p;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static uint32_t pseudo(const uint8_t *ip, size_t l4)
{
	uint32_t sum = ip[9] + (uint32_t)l4;

	for (int i = 12; i < 20; i += 2)
		sum += get16(ip + i);
	return sum;
}

static bool sums_are_right(const struct packet *p)
{
	const uint8_t *ip = p->data + FRAME_HEAD;
	size_t l4 = get16(ip + 2) - 20u;

	return frame_checksum(ip, 20, 0) == 0 && frame_checksum(ip + 20, l4, pseudo(ip, l4)) == 0;
}

/* A whole datagram with l4 bytes after the IP header, checksums right. */
static struct packet *make(uint8_t proto, const char *src, const char *dst, size_t l4)
{
	struct packet *p = test_calloc(1, sizeof(*p));
	uint8_t *ip = p->data + FRAME_HEAD;
	struct in_addr s = addr(src), d = addr(dst);

	memcpy(p->data, (uint8_t[]){ 0x52, 0x55, 10, 88, 0, 1 }, 6);
	memcpy(p->data + 6, port.mac, 6);
	put16(p->data + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned)(20 + l4));
	put16(ip + 4, 77);
	ip[8] = 64;
	ip[9] = proto;
	memcpy(ip + 12, &s, 4);
	memcpy(ip + 16, &d, 4);
	if (proto == IPPROTO_UDP)
		put16(ip + 24, (unsigned)l4);
	if (proto == IPPROTO_TCP)
		ip[32] = 0x50;
	p->len = FRAME_HEAD + 20 + l4;
	return p;
}

static void finish(struct packet *p)
{
	uint8_t *ip = p->data + FRAME_HEAD;
	size_t l4 = get16(ip + 2) - 20u;
	uint8_t *sum = ip[9] == IPPROTO_TCP ? ip + 36 : ip + 26;

	put16(ip + 10, 0);
	put16(ip + 10, frame_checksum(ip, 20, 0));
	if (ip[9] == IPPROTO_ICMP)
		return;
	put16(sum, 0);
	put16(sum, frame_checksum(ip + 20, l4, pseudo(ip, l4)));
}

static bool clean(struct packet *p, struct frame_frags *frags)
{
	const struct frame_lan lan = make_lan();
	struct frame_frags none = { 0 };

	return frame_clean(p->data, &p->len, &lan, frags ? frags : &none);
}

static void n04_an_urgent_pointer_is_cleared_and_the_checksum_stays_right(void **state)
{
	struct packet *p = make(IPPROTO_TCP, "10.88.0.3", "192.0.2.2", 60);
	uint8_t *tcp = p->data + FRAME_HEAD + 20;

	tcp[13] = 0x38; /* URG PSH ACK */
	put16(tcp + 18, 0xbeef);
	finish(p);
	assert_true(clean(p, NULL));
	assert_int_equal(tcp[13], 0x18);
	assert_int_equal(get16(tcp + 18), 0);
	assert_true(sums_are_right(p));
	put16(tcp + 18, 5); /* without the flag */
	finish(p);
	assert_true(clean(p, NULL));
	assert_int_equal(get16(tcp + 18), 0);
	assert_true(sums_are_right(p));
	test_free(p);
}

static void an_ordinary_segment_is_not_changed(void **state)
{
	struct packet *p = make(IPPROTO_TCP, "10.88.0.3", "192.0.2.2", 60);
	uint8_t before[128];

	finish(p);
	memcpy(before, p->data, p->len);
	assert_true(clean(p, NULL));
	assert_memory_equal(before, p->data, p->len);
	test_free(p);
}

static void destinations_that_mean_the_host_itself_are_dropped(void **state)
{
	static const char *const bad[] = { "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3",
		"224.0.0.1", "255.255.255.255", "240.0.0.1", "10.88.0.2", "10.88.0.77" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct packet *p = make(IPPROTO_TCP, "10.88.0.3", bad[i], 20);

		finish(p);
		assert_false(clean(p, NULL));
		test_free(p);
	}
}

static void dns_to_the_gateway_goes_to_the_nameserver_and_back(void **state)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };
	const struct frame_lan lan = make_lan();

	for (int i = 0; i < 2; i++) {
		struct packet *p = make(protos[i], "10.88.0.3", "10.88.0.1", 40);
		uint8_t *ip = p->data + FRAME_HEAD;

		put16(ip + 20, 4000);
		put16(ip + 22, 53);
		finish(p);
		assert_true(clean(p, NULL));
		assert_memory_equal(ip + 16, &lan.nameserver, 4);
		assert_true(sums_are_right(p));
		memcpy(ip + 12, &lan.nameserver, 4); /* the answer */
		memcpy(ip + 16, &port.address, 4);
		put16(ip + 20, 53);
		finish(p);
		(void)frame_answer(p->data, p->len, &lan);
		assert_memory_equal(ip + 12, &lan.gateway, 4);
		assert_true(sums_are_right(p));
		test_free(p);
	}
}

static void a_udp_datagram_without_checksum_keeps_none(void **state)
{
	struct packet *p = make(IPPROTO_UDP, "10.88.0.3", "10.88.0.1", 40);
	uint8_t *udp = p->data + FRAME_HEAD + 20;

	put16(udp + 2, 53);
	finish(p);
	put16(udp + 6, 0);
	assert_true(clean(p, NULL));
	assert_int_equal(get16(udp + 6), 0);
	test_free(p);
}

static void damaged_headers_are_dropped(void **state)
{
	struct packet *p = make(IPPROTO_TCP, "10.88.0.3", "192.0.2.2", 20);
	uint8_t *ip = p->data + FRAME_HEAD;
	size_t full = p->len;

	finish(p);
	for (size_t len = 0; len < full; len++) {
		p->len = len;
		assert_false(clean(p, NULL));
	}
	p->len = full;
	ip[0] = 0x46; /* options */
	assert_false(clean(p, NULL));
	ip[0] = 0x65; /* IPv6 in an IPv4 frame */
	assert_false(clean(p, NULL));
	ip[0] = 0x45;
	ip[32] = 0x40; /* TCP header of 16 bytes */
	assert_false(clean(p, NULL));
	ip[32] = 0xf0; /* of 60 bytes in a segment of 20 */
	assert_false(clean(p, NULL));
	ip[32] = 0x50;
	ip[9] = 47; /* GRE */
	assert_false(clean(p, NULL));
	ip[9] = IPPROTO_TCP;
	assert_true(clean(p, NULL));
	test_free(p);
}

static void n04_dhcp_and_tftp_are_dropped(void **state)
{
	static const unsigned ports[] = { 67, 69 };

	for (int i = 0; i < 2; i++) {
		struct packet *p = make(IPPROTO_UDP, "10.88.0.3", "10.88.0.1", 40);

		put16(p->data + FRAME_HEAD + 22, ports[i]);
		finish(p);
		assert_false(clean(p, NULL));
		test_free(p);
	}
}

static bool fragment(
	struct frame_frags *frags, uint8_t proto, unsigned offset, size_t len, bool more)
{
	struct packet *p = make(proto, "10.88.0.3", "192.0.2.2", len);
	uint8_t *ip = p->data + FRAME_HEAD;
	bool ok;

	put16(ip + 6, offset / 8 | (more ? 0x2000 : 0));
	if (offset == 0 && proto == IPPROTO_UDP)
		put16(ip + 24, 4000); /* of the whole datagram */
	ok = clean(p, frags);
	test_free(p);
	return ok;
}

static void n04_fragments_pass_in_order_only(void **state)
{
	struct frame_frags frags = { 0 };

	assert_true(fragment(&frags, IPPROTO_UDP, 0, 1480, true));
	assert_false(fragment(&frags, IPPROTO_UDP, 1472, 1480, true)); /* overlap */
	assert_false(fragment(&frags, IPPROTO_UDP, 2960, 1480, true)); /* hole */
	assert_true(fragment(&frags, IPPROTO_UDP, 1480, 1480, true));
	assert_true(fragment(&frags, IPPROTO_UDP, 2960, 100, false));
	assert_false(fragment(&frags, IPPROTO_UDP, 2960, 100, false)); /* it is over */
}

static void n04_tiny_huge_and_tcp_fragments_are_dropped(void **state)
{
	struct frame_frags frags = { 0 };

	assert_false(fragment(&frags, IPPROTO_TCP, 0, 1480, true));
	assert_false(fragment(&frags, IPPROTO_UDP, 0, 4, true));
	assert_false(fragment(&frags, IPPROTO_UDP, 0, 1481, true));  /* not a multiple of 8 */
	assert_false(fragment(&frags, IPPROTO_UDP, 8, 1480, false)); /* nothing came before */
	assert_true(fragment(&frags, IPPROTO_UDP, 0, 65000, true));
	assert_false(fragment(&frags, IPPROTO_UDP, 65000, 1000, false)); /* beyond 65535 */
}

static void only_the_members_own_addresses_may_be_sent(void **state)
{
	struct frame_port self = make_port();
	struct packet *p = make(IPPROTO_TCP, "10.88.0.3", "192.0.2.2", 20);

	assert_true(frame_is_members_own(p->data, p->len, &self));
	p->data[FRAME_HEAD + 15] = 4; /* a neighbour's address */
	assert_false(frame_is_members_own(p->data, p->len, &self));
	p->data[FRAME_HEAD + 15] = 3;
	p->data[11] = 4; /* a neighbour's MAC */
	assert_false(frame_is_members_own(p->data, p->len, &self));
	p->data[11] = 3;
	put16(p->data + 12, 0x8100); /* VLAN */
	assert_false(frame_is_members_own(p->data, p->len, &self));
	test_free(p);
}

static struct packet *make_arp(const char *sender, const char *target)
{
	struct packet *p = test_calloc(1, sizeof(*p));
	struct in_addr s = addr(sender), t = addr(target);

	memset(p->data, 0xff, 6);
	memcpy(p->data + 6, port.mac, 6);
	put16(p->data + 12, 0x0806);
	memcpy(p->data + FRAME_HEAD, (uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, 1 }, 8);
	memcpy(p->data + FRAME_HEAD + 8, port.mac, 6);
	memcpy(p->data + FRAME_HEAD + 14, &s, 4);
	memcpy(p->data + FRAME_HEAD + 24, &t, 4);
	p->len = FRAME_HEAD + 28;
	return p;
}

static void arp_cannot_speak_for_a_neighbour_or_the_gateway(void **state)
{
	struct frame_port self = make_port();
	struct packet *own = make_arp("10.88.0.3", "10.88.0.1"),
		      *probe = make_arp("0.0.0.0", "10.88.0.3"),
		      *spoof = make_arp("10.88.0.1", "10.88.0.4");
	const struct frame_lan lan = make_lan();

	assert_true(frame_is_members_own(own->data, own->len, &self));
	assert_true(frame_asks_gateway(own->data, own->len, &lan));
	assert_true(frame_is_members_own(probe->data, probe->len, &self));
	assert_false(frame_is_members_own(spoof->data, spoof->len, &self));
	own->data[FRAME_HEAD + 13] = 9; /* sender MAC differs from the frame's */
	assert_false(frame_is_members_own(own->data, own->len, &self));
	assert_false(frame_is_members_own(probe->data, FRAME_HEAD + 27, &self));
	test_free(own);
	test_free(probe);
	test_free(spoof);
}

static void padding_behind_the_datagram_is_cut(void **state)
{
	struct packet *p = make(IPPROTO_UDP, "10.88.0.3", "192.0.2.2", 10);

	finish(p);
	p->len = 60;
	assert_true(clean(p, NULL));
	assert_int_equal(p->len, FRAME_HEAD + 30);
	test_free(p);
}

TEST_MAIN(cmocka_unit_test(n04_an_urgent_pointer_is_cleared_and_the_checksum_stays_right),
	cmocka_unit_test(an_ordinary_segment_is_not_changed),
	cmocka_unit_test(destinations_that_mean_the_host_itself_are_dropped),
	cmocka_unit_test(dns_to_the_gateway_goes_to_the_nameserver_and_back),
	cmocka_unit_test(a_udp_datagram_without_checksum_keeps_none),
	cmocka_unit_test(damaged_headers_are_dropped),
	cmocka_unit_test(n04_dhcp_and_tftp_are_dropped),
	cmocka_unit_test(n04_fragments_pass_in_order_only),
	cmocka_unit_test(n04_tiny_huge_and_tcp_fragments_are_dropped),
	cmocka_unit_test(only_the_members_own_addresses_may_be_sent),
	cmocka_unit_test(arp_cannot_speak_for_a_neighbour_or_the_gateway),
	cmocka_unit_test(padding_behind_the_datagram_is_cut))
