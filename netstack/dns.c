/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/dns.h"

#include <ctype.h>
#include <string.h>

#define LABEL_MAX  63
#define POINTER    0xc0
#define TYPE_OPT   41
#define TYPE_IXFR  251
#define TYPE_AXFR  252
#define CLASS_IN   1
#define BIT_ANSWER 0x80
#define BIT_TRUNC  0x02

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

/* Behind a question's name, which is never compressed; name NULL ok. 0 = broken. */
static size_t read_name(const uint8_t *data, size_t len, char *name)
{
	size_t at = DNS_HEAD, out = 0;

	while (at < len && data[at]) {
		size_t label = data[at++];

		if (label > LABEL_MAX || label > len - at || out + label + 1 >= DNS_NAME ||
			memchr(data + at, 0, label) || memchr(data + at, '.', label))
			return 0;
		if (out && name)
			name[out] = '.';
		out += out != 0;
		if (name)
			memcpy(name + out, data + at, label);
		out += label;
		at += label;
	}
	if (name)
		name[out] = '\0';
	return at < len ? at + 1 : 0;
}

/* Behind the question; 0 = there is not exactly one that is sound. */
static size_t question_end(const uint8_t *data, size_t len)
{
	size_t end = len >= DNS_HEAD && get16(data + 4) == 1 ? read_name(data, len, NULL) : 0;

	return end && len - end >= 4 ? end + 4 : 0;
}

size_t dns_read_question(const uint8_t *data, size_t len, char name[DNS_NAME], unsigned *ret_type)
{
	size_t end = question_end(data, len);
	unsigned type;

	/* QR 0, opcode 0, not truncated; no answers, no authority */
	if (!end || (data[2] & 0xfa) || get16(data + 6) || get16(data + 8))
		return 0;
	type = get16(data + end - 4);
	if (get16(data + end - 2) != CLASS_IN || type == TYPE_AXFR || type == TYPE_IXFR)
		return 0;
	(void)read_name(data, len, name); /* it was sound a line ago */
	*ret_type = type;
	return end;
}

struct record {
	unsigned type, class;
	const uint8_t *data;
	size_t len;
};

/* The record at `at`; the offset behind it, 0 when it is broken. */
static size_t read_record(const uint8_t *data, size_t len, size_t at, struct record *ret)
{
	while (at < len && data[at] && (data[at] & POINTER) != POINTER) {
		if (data[at] > LABEL_MAX)
			return 0;
		at += 1u + data[at];
	}
	at += at < len && data[at] ? 2 : 1;
	if (at > len || len - at < 10)
		return 0;
	*ret = (struct record){ get16(data + at), get16(data + at + 2), data + at + 10,
		get16(data + at + 8) };
	at += 10;
	return ret->len <= len - at ? at + ret->len : 0;
}

size_t dns_answer_room(const uint8_t *data, size_t len)
{
	size_t at = question_end(data, len), room = 0;
	struct record record;

	for (unsigned i = 0; at && i < get16(data + 10) && at < len; i++) {
		at = read_record(data, len, at, &record);
		if (at && record.type == TYPE_OPT)
			room = record.class;
	}
	return room > DNS_UDP_MIN ? room : DNS_UDP_MIN;
}

bool dns_answers(const uint8_t *answer, size_t len, const uint8_t *question, size_t question_len)
{
	size_t end = question_end(question, question_len);

	return end && len >= end && memcmp(answer, question, 2) == 0 && (answer[2] & BIT_ANSWER) &&
	       get16(answer + 4) == 1 &&
	       memcmp(answer + DNS_HEAD, question + DNS_HEAD, end - DNS_HEAD) == 0;
}

unsigned dns_code(const uint8_t *answer)
{
	return answer[3] & 15u;
}

void dns_each_address(const uint8_t *data, size_t len, dns_address_fn fn, void *fn_data)
{
	size_t at = question_end(data, len);
	struct record record;

	for (unsigned i = 0; at && i < get16(data + 6); i++) {
		struct in6_addr address = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

		at = read_record(data, len, at, &record);
		if (!at || record.class != CLASS_IN)
			continue;
		if (record.type == DNS_TYPE_A && record.len == 4)
			memcpy(address.s6_addr + 12, record.data, 4);
		else if (record.type == DNS_TYPE_AAAA && record.len == 16)
			memcpy(&address, record.data, 16);
		else
			continue;
		fn(fn_data, &address);
	}
}

size_t dns_fail(uint8_t *data, size_t len, enum dns_code code)
{
	size_t end = question_end(data, len);

	if (len < DNS_HEAD || (data[2] & BIT_ANSWER))
		return 0;
	data[2] = (uint8_t)(BIT_ANSWER |
			    (data[2] & 0x79)); /* opcode and "recursion desired" stay */
	data[3] = (uint8_t)(0x80 | code);
	memset(data + 4, 0, 8);
	data[5] = end != 0;
	return end ? end : DNS_HEAD;
}

size_t dns_truncate(uint8_t *data, size_t len)
{
	size_t end = question_end(data, len);

	if (!end)
		return 0;
	data[2] |= BIT_TRUNC;
	memset(data + 6, 0, 6);
	return end;
}

void dns_mix_case(uint8_t *data, size_t len, const uint8_t *bits, size_t n_bits)
{
	size_t end = question_end(data, len), bit = 0;

	for (size_t i = DNS_HEAD; end && i < end - 4; i++) {
		if (!isalpha(data[i])) /* a length is 63 at most: no letter */
			continue;
		if (bit / 8 < n_bits && (bits[bit / 8] >> bit % 8 & 1))
			data[i] ^= 0x20;
		bit++;
	}
}
