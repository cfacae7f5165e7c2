/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/dns.h"

#include <string.h>

#include "harness.h"

/* example.com A, with an OPT record that offers 1232 bytes */
static const uint8_t question[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 7, 'e', 'x', 'a', 'm',
	'p', 'l', 'e', 3, 'c', 'o', 'm', 0, 0, 1, 0, 1, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0 };
#define QUESTION_END 29

static void an_ordinary_question_is_read(void **state)
{
	char name[DNS_NAME];
	unsigned type = 0;

	assert_int_equal(dns_read_question(question, sizeof(question), name, &type), QUESTION_END);
	assert_string_equal(name, "example.com");
	assert_int_equal(type, DNS_TYPE_A);
	assert_int_equal(dns_answer_room(question, sizeof(question)), 1232);
}

static void what_is_no_ordinary_question_is_not(void **state)
{
	static const struct {
		size_t at;
		uint8_t to;
	} changes[] = {
		{ 2, 0x81 },  /* an answer */
		{ 2, 0x29 },  /* an update */
		{ 2, 3 },     /* truncated */
		{ 5, 2 },     /* two questions */
		{ 7, 1 },     /* an answer in it */
		{ 12, 64 },   /* a label beyond the end */
		{ 12, 0xc0 }, /* compressed */
		{ 15, '.' },  /* a dot inside a label */
		{ 15, 0 },    /* a NUL */
		{ 26, 252 },  /* a zone transfer */
		{ 28, 3 },    /* another class */
	};
	uint8_t data[sizeof(question)];
	char name[DNS_NAME];
	unsigned type;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(data, question, sizeof(data));
		data[changes[i].at] = changes[i].to;
		assert_int_equal(dns_read_question(data, sizeof(data), name, &type), 0);
	}
	for (size_t len = 0; len < QUESTION_END; len++)
		assert_int_equal(dns_read_question(question, len, name, &type), 0);
}

static void only_the_answer_to_just_this_question_counts(void **state)
{
	uint8_t data[sizeof(question)];

	memcpy(data, question, sizeof(data));
	assert_false(dns_answers(data, sizeof(data), question, sizeof(question)));
	data[2] = 0x81;
	assert_true(dns_answers(data, sizeof(data), question, sizeof(question)));
	assert_false(dns_answers(data, QUESTION_END - 1, question, sizeof(question)));
	data[13] ^= 0x20; /* the case of a letter */
	assert_false(dns_answers(data, sizeof(data), question, sizeof(question)));
	data[13] ^= 0x20;
	data[1] ^= 1;
	assert_false(dns_answers(data, sizeof(data), question, sizeof(question)));
}

static void the_case_of_letters_is_mixed_and_nothing_else(void **state)
{
	const uint8_t ones[32] = { 0xff, 0xff, 0xff };
	uint8_t data[sizeof(question)];

	memcpy(data, question, sizeof(data));
	dns_mix_case(data, sizeof(data), ones, sizeof(ones));
	assert_memory_equal(data + 12, "\7EXAMPLE\3COM\0\0\1\0\1", 17);
	assert_memory_equal(data, question, 12);
	assert_memory_equal(
		data + QUESTION_END, question + QUESTION_END, sizeof(question) - QUESTION_END);
}

static void count(void *data, const struct in6_addr *address)
{
	unsigned *seen = data;

	*seen += address->s6_addr[15];
}

static void addresses_of_an_answer_are_found_behind_aliases(void **state)
{
	static const uint8_t records[] = { 0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, 'a', 0xc0, 12,
		1, 'a', 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7, 0xc0, 12, 0, 28, 0, 1,
		0, 0, 0, 9, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 30 };
	uint8_t data[256];
	size_t len = QUESTION_END + sizeof(records);
	unsigned seen = 0;

	memcpy(data, question, QUESTION_END);
	memcpy(data + QUESTION_END, records, sizeof(records));
	data[2] = 0x81;
	data[7] = 3;
	data[11] = 0;
	dns_each_address(data, len, count, &seen);
	assert_int_equal(seen, 37);
	for (size_t cut = 0; cut < len; cut++) {
		seen = 0;
		dns_each_address(data, cut, count, &seen);
		assert_true(seen == 0 || seen == 7);
	}
	data[7] = 200; /* more than there are */
	seen = 0;
	dns_each_address(data, len, count, &seen);
	assert_int_equal(seen, 37);
}

static void a_failure_and_a_cut_keep_the_question(void **state)
{
	uint8_t data[sizeof(question)];

	memcpy(data, question, sizeof(data));
	assert_int_equal(dns_fail(data, sizeof(data), DNS_REFUSED), QUESTION_END);
	assert_int_equal(dns_code(data), DNS_REFUSED);
	assert_memory_equal(data + 4, "\0\1\0\0\0\0\0\0", 8);
	assert_int_equal(
		dns_fail(data, sizeof(data), DNS_FAILED), 0); /* an answer gets no answer */
	assert_int_equal(dns_truncate(data, sizeof(data)), QUESTION_END);
	assert_true(data[2] & 2);
	assert_int_equal(dns_fail((uint8_t[3]){ 0 }, 3, DNS_FAILED), 0);
}

TEST_MAIN(cmocka_unit_test(an_ordinary_question_is_read),
	cmocka_unit_test(what_is_no_ordinary_question_is_not),
	cmocka_unit_test(only_the_answer_to_just_this_question_counts),
	cmocka_unit_test(the_case_of_letters_is_mixed_and_nothing_else),
	cmocka_unit_test(addresses_of_an_answer_are_found_behind_aliases),
	cmocka_unit_test(a_failure_and_a_cut_keep_the_question))
