/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DNS messages, as far as somebody between a member and a resolver has to read them. Pure; every byte is hostile, of
 * questions and of answers. Nothing is followed that does not lie behind what was read already, so nothing loops.
 */
#ifndef SBX_NETSTACK_DNS_H
#define SBX_NETSTACK_DNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_HEAD      12
#define DNS_NAME      256 /* with NUL */
#define DNS_TYPE_A    1
#define DNS_TYPE_AAAA 28
#define DNS_UDP_MIN   512 /* what a resolver takes that says nothing */

enum dns_code {
	DNS_FORMAT = 1,
	DNS_FAILED = 2,
	DNS_NO_SUCH = 3,
	DNS_NOT_DONE = 4,
	DNS_REFUSED = 5
};

/* One ordinary question: name without dot at its end, *ret_type; returns the offset behind it, 0 for all else. A dot or
 * NUL inside a label makes it something else: no rule could judge it. */
size_t dns_read_question(const uint8_t *data, size_t len, char name[DNS_NAME], unsigned *ret_type);

/* The size of an answer that may come back over UDP (EDNS), at least DNS_UDP_MIN. */
size_t dns_answer_room(const uint8_t *data, size_t len);

/* The two are a question and an answer to it: id, and the question byte by byte, which tells the case of its letters. */
bool dns_answers(const uint8_t *answer, size_t len, const uint8_t *question, size_t question_len);
unsigned dns_code(const uint8_t *answer); /* of an answer; at least DNS_HEAD bytes */

/* Each address of its answer section, IPv4 as ::ffff:a.b.c.d. Stops at the first thing that is not sound. */
typedef void (*dns_address_fn)(void *data, const struct in6_addr *address);
void dns_each_address(const uint8_t *data, size_t len, dns_address_fn fn, void *fn_data);

/* In place; the new length. What is too short to be a question gets 0: no answer. */
size_t dns_fail(uint8_t *data, size_t len, enum dns_code code);
size_t dns_truncate(uint8_t *data, size_t len); /* "ask again over TCP" */

/* Letters of the question's name get the case that `bits` says (0x20): who did not see the question cannot answer it. */
void dns_mix_case(uint8_t *data, size_t len, const uint8_t *bits, size_t n_bits);

#endif
