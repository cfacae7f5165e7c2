/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/resolver.h"

#include <string.h>

#include "harness.h"

#define A    1
#define AAAA 28
#define PTR  12

struct message {
	uint8_t data[512];
	size_t len;
};

/* web has IPv6 as well */
static bool knows_web(void *data, const char *name, struct resolver_found *ret)
{
	(void)snprintf(data, RESOLVER_NAME_MAX, "%s", name);
	ret->v4.s_addr = htonl(0x0a580005);
	if (resolver_has_name("web", name))
		ret->v6 = (struct in6_addr){ .s6_addr = { 0xfd, [15] = 5 } };
	return resolver_has_name("web db.local", name);
}

static struct message ask(const char *labels, size_t labels_len, uint8_t type)
{
	struct message m = { .data = { 0x12, 0x34, 0x01, 0, 0, 1 }, .len = 12 + labels_len + 4 };

	memcpy(m.data + 12, labels, labels_len);
	m.data[m.len - 3] = type;
	m.data[m.len - 1] = 1;
	return m;
}

static size_t answer(struct message *m, char *asked)
{
	char none[RESOLVER_NAME_MAX];

	return resolver_answer(m->data, m->len, sizeof(m->data), knows_web, asked ? asked : none);
}

static void a_known_name_has_an_address(void **state)
{
	struct message m = ask("\3web", 5, A);

	assert_int_equal(answer(&m, NULL), m.len + 16);
	assert_memory_equal(m.data, "\x12\x34\x85\x80\0\1\0\1\0\0\0\0", 12);
	assert_memory_equal(m.data + m.len, "\xc0\x0c\0\1\0\1\0\0\0\5\0\4\x0a\x58\0\5", 16);
}

static void case_does_not_matter_and_dots_are_kept(void **state)
{
	struct message m = ask("\2Db\5LOCAL", 10, A);
	char asked[RESOLVER_NAME_MAX];

	assert_true(answer(&m, asked) > 0);
	assert_string_equal(asked, "Db.LOCAL");
}

static void a_known_name_without_that_record_has_an_empty_answer(void **state)
{
	struct message m = ask("\2db\5local", 10, AAAA);

	assert_int_equal(answer(&m, NULL), m.len);
	assert_int_equal(m.data[3] & 15, 0);
	assert_int_equal(m.data[7], 0);
}

static void a_known_name_has_both_its_addresses(void **state)
{
	struct message m = ask("\3web", 5, AAAA), both = ask("\3web", 5, 255);

	assert_int_equal(answer(&m, NULL), m.len + 28);
	assert_memory_equal(m.data, "\x12\x34\x85\x80\0\1\0\1\0\0\0\0", 12);
	assert_memory_equal(m.data + m.len,
		"\xc0\x0c\0\x1c\0\1\0\0\0\5\0\x10\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5", 28);
	assert_int_equal(answer(&both, NULL), both.len + 16 + 28);
	assert_int_equal(both.data[7], 2);
}

static void a_denied_name_does_not_exist(void **state)
{
	struct message m = ask("\7example\3com", 13, A);

	assert_int_equal(resolver_deny(m.data, m.len), m.len);
	assert_memory_equal(m.data, "\x12\x34\x85\x83\0\1\0\0\0\0\0\0", 12);
	assert_int_equal(resolver_deny(m.data, m.len), 0); /* an answer is no question */
	m = ask("\7example\3com", 13, A);
	assert_int_equal(resolver_deny(m.data, m.len - 3), 0);
	assert_int_equal(resolver_deny(m.data, 11), 0);
}

static void an_unknown_name_is_left_to_others(void **state)
{
	struct message m = ask("\7example\3com", 13, A), before = m;

	assert_int_equal(answer(&m, NULL), 0);
	assert_memory_equal(m.data, before.data, m.len);
}

static void broken_questions_are_left_alone(void **state)
{
	struct message whole = ask("\3web", 5, A), m;

	for (size_t len = 0; len < whole.len; len++) {
		m = whole;
		m.len = len;
		assert_int_equal(answer(&m, NULL), 0);
	}
	m = whole;
	m.data[12] = 0xc0; /* a pointer, to itself */
	m.data[13] = 12;
	assert_int_equal(answer(&m, NULL), 0);
	m = whole;
	m.data[2] = 0x81; /* an answer */
	assert_int_equal(answer(&m, NULL), 0);
	m = whole;
	m.data[5] = 2; /* two questions */
	assert_int_equal(answer(&m, NULL), 0);
	m = whole;
	m.data[m.len - 1] = 3; /* class CHAOS */
	assert_int_equal(answer(&m, NULL), 0);
	m = whole;
	m.data[14] = 0; /* NUL in a label */
	assert_int_equal(answer(&m, NULL), 0);
}

static void a_name_of_full_length_fits_and_a_longer_one_does_not(void **state)
{
	char labels[300] = { 0 };
	struct message m;

	for (int i = 0; i < 4; i++) {
		labels[i * 64] = i < 3 ? 63 : 61;
		memset(labels + i * 64 + 1, 'a', 63);
	}
	labels[3 * 64 + 62] = 0;
	m = ask(labels, 3 * 64 + 63, A);
	assert_int_equal(answer(&m, NULL), 0); /* unknown, but read without harm */
	for (int i = 0; i < 4; i++)
		labels[i * 64] = 63;
	labels[4 * 64] = 0;
	m = ask(labels, 4 * 64 + 1, A);
	assert_int_equal(answer(&m, NULL), 0);
}

static void no_room_means_no_answer(void **state)
{
	struct message m = ask("\3web", 5, A);
	char asked[RESOLVER_NAME_MAX];

	assert_int_equal(resolver_answer(m.data, m.len, m.len + 43, knows_web, asked), 0);
}

static void names_are_whole_words(void **state)
{
	assert_true(resolver_has_name("web db", "DB"));
	assert_true(resolver_has_name("web", "web"));
	assert_false(resolver_has_name("web db", "we"));
	assert_false(resolver_has_name("web db", "webd"));
	assert_false(resolver_has_name("web db", "web db"));
	assert_false(resolver_has_name("web db", ""));
	assert_false(resolver_has_name("", "web"));
}

static int find_web(void *data, const struct in6_addr *address, char name[RESOLVER_NAME_MAX])
{
	static const uint8_t ours4[15] = { [10] = 0xff, 0xff, 10, 88, 0 }, ours6[15] = { 0xfd, 1 };

	(void)data;
	if (memcmp(address, ours4, sizeof(ours4)) != 0 &&
		memcmp(address, ours6, sizeof(ours6)) != 0)
		return -1;
	(void)snprintf(name, RESOLVER_NAME_MAX, "web.one");
	return address->s6_addr[15] == 5;
}

static size_t ask_pointer(struct message *m, const char *labels, size_t len);

static void an_ipv6_address_has_the_name_of_its_member(void **state)
{
	char labels[80];
	struct message m;
	size_t n;

	for (int i = 0; i < 32; i++)
		memcpy(labels + i * 2, "\0010", 2);
	memcpy(labels + 64, "\3ip6\4ARPA", 10);
	labels[1] = '5'; /* fd01::5 from its end */
	labels[31 * 2 + 1] = 'F';
	labels[30 * 2 + 1] = 'd';
	labels[28 * 2 + 1] = '1';
	n = ask_pointer(&m, labels, 74);
	assert_true(n > 9);
	assert_memory_equal(m.data + n - 9, "\3web\3one", 9);
	labels[1] = '6';
	n = ask_pointer(&m, labels, 74);
	assert_int_equal(m.data[3] & 15, 3);
	labels[28 * 2 + 1] = '2'; /* another /64 */
	assert_int_equal(ask_pointer(&m, labels, 74), 0);
	labels[28 * 2 + 1] = 'g';
	assert_int_equal(ask_pointer(&m, labels, 74), 0);
	memset(labels + 62, 0, 2); /* 31 digits */
	assert_int_equal(ask_pointer(&m, labels, 63), 0);
}

static size_t ask_pointer(struct message *m, const char *labels, size_t len)
{
	*m = ask(labels, len, 12);
	return resolver_answer_pointer(m->data, m->len, sizeof(m->data), find_web, NULL);
}

static void an_address_has_the_name_of_its_member(void **state)
{
	static const char five[] = "\1"
				   "5\1"
				   "0\2"
				   "88\2"
				   "10\7in-addr\4arpa";
	static const char six[] = "\1"
				  "6\1"
				  "0\2"
				  "88\2"
				  "10\7in-addr\4arpa";
	static const char far[] = "\1"
				  "6\1"
				  "0\2"
				  "89\2"
				  "10\7in-addr\4arpa";
	static const char odd[] = "\3"
				  "999\1"
				  "0\2"
				  "88\2"
				  "10\7in-addr\4arpa";
	struct message m;
	size_t n = ask_pointer(&m, five, sizeof(five));

	assert_true(n > 9);
	assert_int_equal(m.data[7], 1);
	assert_memory_equal(m.data + n - 9, "\3web\3one", 9);
	n = ask_pointer(&m, six, sizeof(six));
	assert_true(n > 0);
	assert_int_equal(m.data[3] & 15, 3);
	assert_int_equal(m.data[7], 0);
	assert_int_equal(ask_pointer(&m, far, sizeof(far)), 0);
	assert_int_equal(ask_pointer(&m, odd, sizeof(odd)), 0);
}

/* Of 253 bytes and more, in labels of 63. */
static int find_long(void *data, const struct in6_addr *address, char name[RESOLVER_NAME_MAX])
{
	const size_t *len = data;

	memset(name, 'a', *len);
	for (size_t i = 63; i < *len; i += 64)
		name[i] = '.';
	name[*len] = '\0';
	return 1;
}

static void a_name_that_dns_cannot_carry_is_not_answered(void **state)
{
	static const char four[] = "\0015\0010\00288\00210\7in-addr\4arpa";

	for (size_t len = 253; len < RESOLVER_NAME_MAX; len++) {
		struct message m = ask(four, sizeof(four), PTR);
		uint8_t data[1024];
		size_t n;

		memcpy(data, m.data, m.len);
		n = resolver_answer_pointer(data, m.len, sizeof(data), find_long, &len);
		assert_int_equal(n, len == 253 ? m.len + 12 + 255 : m.len);
		assert_int_equal(data[7], len == 253);
		assert_int_equal(data[3] & 15, len == 253 ? 0 : 3);
		if (len == 253)
			assert_int_equal(data[m.len + 10] << 8 | data[m.len + 11], 255);
	}
}

static void what_another_server_may_know_is_referred(void **state)
{
	struct message plain = ask("\3far", 5, A), dotted = ask("\3far\3com", 9, A);

	assert_int_equal(resolver_refer(dotted.data, dotted.len, false), 0);
	assert_true(resolver_refer(plain.data, plain.len, false) > 0);
	assert_int_equal(plain.data[3] & 15, 5);
	assert_true(resolver_refer(dotted.data, dotted.len, true) > 0);
	assert_int_equal(resolver_refer(plain.data, 5, true), 0);
}

TEST_MAIN(cmocka_unit_test(an_address_has_the_name_of_its_member),
	cmocka_unit_test(a_name_that_dns_cannot_carry_is_not_answered),
	cmocka_unit_test(what_another_server_may_know_is_referred),
	cmocka_unit_test(a_denied_name_does_not_exist),
	cmocka_unit_test(a_known_name_has_an_address),
	cmocka_unit_test(a_known_name_has_both_its_addresses),
	cmocka_unit_test(an_ipv6_address_has_the_name_of_its_member),
	cmocka_unit_test(case_does_not_matter_and_dots_are_kept),
	cmocka_unit_test(a_known_name_without_that_record_has_an_empty_answer),
	cmocka_unit_test(an_unknown_name_is_left_to_others),
	cmocka_unit_test(broken_questions_are_left_alone),
	cmocka_unit_test(a_name_of_full_length_fits_and_a_longer_one_does_not),
	cmocka_unit_test(no_room_means_no_answer), cmocka_unit_test(names_are_whole_words))
