/* SPDX-License-Identifier: Apache-2.0 */
/* What a resolver of the world says, and what becomes of it: the input is a question and an answer to it, the question's
 * length in front (two bytes, big-endian). No answer makes more of itself than its bytes hold, however its names point. */
#include <assert.h>
#include <string.h>

#include "netstack/dns.h"

#define MESSAGE_MAX 65535

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *data, const struct in6_addr *address)
{
	assert(address);
	++*(size_t *)data;
}

static void check_question(const uint8_t *data, size_t len)
{
	static const uint8_t bits[] = { 0xa5, 0x5a, 0xff };
	uint8_t copy[MESSAGE_MAX];
	char name[DNS_NAME], again[DNS_NAME];
	unsigned type, type_again;
	size_t end = dns_read_question(data, len, name, &type);

	assert(dns_answer_room(data, len) >= DNS_UDP_MIN);
	if (!end)
		return;
	assert(end <= len && strlen(name) < DNS_NAME);
	memcpy(copy, data, len);
	dns_mix_case(copy, len, bits, sizeof(bits));
	assert(dns_read_question(copy, len, again, &type_again) == end && type == type_again);
	assert(strlen(again) == strlen(name));
	/* a failure made of it is an answer to it */
	assert(dns_fail(copy, len, DNS_FAILED) == end && dns_code(copy) == DNS_FAILED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t copy[MESSAGE_MAX];
	size_t question, answer, found = 0;

	if (size < 2 || size > MESSAGE_MAX)
		return 0;
	question = (size_t)(data[0] << 8 | data[1]);
	data += 2;
	size -= 2;
	question = question < size ? question : size;
	answer = size - question;
	check_question(data, question);
	(void)dns_answers(data + question, answer, data, question);
	dns_each_address(data + question, answer, count, &found);
	assert(found <=
		answer /
			14); /* a record without its name and data has ten bytes, four are an address */
	memcpy(copy, data + question, answer);
	assert(dns_truncate(copy, answer) <= answer);
	return 0;
}
