/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/resolver.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HEAD      12
#define TYPE_A    1
#define TYPE_PTR  12
#define TYPE_AAAA 28
#define TYPE_ANY  255
#define CLASS_IN  1
#define TTL       5 /* seconds: a container's address is soon somebody else's */
#define LABEL_MAX 63
#define WIRE_MAX  255 /* bytes of a name, with the lengths of its labels */
#define RECORD    12  /* bytes of a record before its data; the name is the question's */

/* Reads the name at offset HEAD into dotted form; returns the offset behind it, 0 when it is broken.
 * Questions are never compressed; bytes that no host name has make a name that matches nothing. */
static size_t read_name(const uint8_t *data, size_t len, char name[RESOLVER_NAME_MAX])
{
	size_t at = HEAD, out = 0;

	while (at < len && data[at]) {
		size_t label = data[at++];

		if (label > LABEL_MAX || label > len - at || out + label + 1 >= RESOLVER_NAME_MAX)
			return 0;
		if (memchr(data + at, 0, label))
			return 0;
		if (out)
			name[out++] = '.';
		memcpy(name + out, data + at, label);
		out += label;
		at += label;
	}
	name[out] = '\0';
	return at < len ? at + 1 : 0;
}

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

static bool is_question(const uint8_t *data, size_t len)
{
	/* QR 0, opcode 0, not truncated; one question, no answers, no authority */
	return len >= HEAD && !(data[2] & 0xfa) && get16(data + 4) == 1 && !get16(data + 6) &&
	       !get16(data + 8);
}

static size_t write_record(uint8_t *at, uint8_t type, const void *data, size_t len)
{
	const uint8_t head[RECORD] = { 0xc0, HEAD, 0, type, 0, CLASS_IN, 0, 0, 0, TTL, 0,
		(uint8_t)len };

	memcpy(at, head, sizeof(head));
	memcpy(at + sizeof(head), data, len);
	return sizeof(head) + len;
}

/* An answer without records so far, authoritative; what else the question had (an OPT record) goes. */
static size_t finish_empty(uint8_t *data, size_t end, uint8_t code)
{
	data[2] = (uint8_t)(0x84 | (data[2] & 1)); /* recursion as it was desired, */
	data[3] = 0x80 | code;                     /* and available */
	memset(data + 6, 0, 6);
	return end;
}

size_t resolver_answer(
	uint8_t *data, size_t len, size_t max, resolver_lookup_fn lookup, void *lookup_data)
{
	char name[RESOLVER_NAME_MAX];
	struct resolver_found found = { 0 };
	size_t end = is_question(data, len) ? read_name(data, len, name) : 0;
	unsigned type;

	if (!end || len - end < 4 || end + 4 + RECORD * 2 + 4 + 16 > max ||
		get16(data + end + 2) != CLASS_IN || !lookup(lookup_data, name, &found))
		return 0;
	type = get16(data + end);
	end = finish_empty(data, end + 4, 0);
	if (type == TYPE_A || type == TYPE_ANY) {
		data[7]++;
		end += write_record(data + end, TYPE_A, &found.v4, sizeof(found.v4));
	}
	if ((type == TYPE_AAAA || type == TYPE_ANY) && !IN6_IS_ADDR_UNSPECIFIED(&found.v6)) {
		data[7]++;
		end += write_record(data + end, TYPE_AAAA, &found.v6, sizeof(found.v6));
	}
	return end;
}

/* "9.0.88.10.in-addr.arpa" */
static bool parse_reverse4(const char *name, struct in6_addr *ret)
{
	unsigned byte[4];
	int end = 0;

	*ret = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	if (sscanf(name, "%3u.%3u.%3u.%3u.%n", &byte[0], &byte[1], &byte[2], &byte[3], &end) != 4 ||
		!end || strcasecmp(name + end, "in-addr.arpa") != 0)
		return false;
	for (int i = 0; i < 4; i++) {
		if (byte[i] > 255)
			return false;
		ret->s6_addr[15 - i] = (uint8_t)byte[i];
	}
	return true;
}

/* 32 digits, the last one first, "ip6.arpa" */
static bool parse_reverse6(const char *name, struct in6_addr *ret)
{
	static const char digits[] = "0123456789abcdef";

	*ret = (struct in6_addr)IN6ADDR_ANY_INIT;
	for (int i = 0; i < 32; i++, name += 2) {
		const char *digit = *name ? strchr(digits, tolower((unsigned char)*name)) : NULL;

		if (!digit || name[1] != '.')
			return false;
		ret->s6_addr[15 - i / 2] |= (uint8_t)((digit - digits) << (i % 2 ? 4 : 0));
	}
	return strcasecmp(name, "ip6.arpa") == 0;
}

/* Labels of a name of ours; 0 when it is none that DNS can say. */
static size_t write_name(uint8_t at[WIRE_MAX], const char *name)
{
	size_t out = 0;

	while (*name) {
		size_t label = strcspn(name, ".");

		if (!label || label > LABEL_MAX || out + 1 + label + 1 > WIRE_MAX)
			return 0;
		at[out++] = (uint8_t)label;
		memcpy(at + out, name, label);
		out += label;
		name += label + (name[label] == '.');
	}
	at[out++] = 0;
	return out;
}

size_t resolver_answer_pointer(
	uint8_t *data, size_t len, size_t max, resolver_find_fn find, void *find_data)
{
	char name[RESOLVER_NAME_MAX];
	uint8_t target[WIRE_MAX];
	struct in6_addr address;
	size_t end = is_question(data, len) ? read_name(data, len, name) : 0, n;
	int found;

	if (!end || len - end < 4 || get16(data + end) != TYPE_PTR ||
		get16(data + end + 2) != CLASS_IN ||
		(!parse_reverse4(name, &address) && !parse_reverse6(name, &address)))
		return 0;
	found = find(find_data, &address, name);
	if (found < 0)
		return 0;
	end += 4;
	n = found ? write_name(target, name) : 0;
	if (!n || end + RECORD + n > max)
		return finish_empty(data, end, 3);
	end = finish_empty(data, end, 0);
	data[7] = 1;
	return end + write_record(data + end, TYPE_PTR, target, n);
}

size_t resolver_refer(uint8_t *data, size_t len, bool all)
{
	char name[RESOLVER_NAME_MAX];
	size_t end = is_question(data, len) ? read_name(data, len, name) : 0;

	if (!end || len - end < 4 || (!all && strchr(name, '.')))
		return 0;
	return finish_empty(data, end + 4, 5);
}

size_t resolver_deny(uint8_t *data, size_t len)
{
	char name[RESOLVER_NAME_MAX];
	size_t end = is_question(data, len) ? read_name(data, len, name) : 0;

	if (!end || len - end < 4)
		return 0;
	return finish_empty(data, end + 4, 3); /* NXDOMAIN: asking again would not help */
}

bool resolver_has_name(const char *names, const char *name)
{
	size_t len = strlen(name);

	while (*names) {
		size_t word = strcspn(names, " ");

		if (len && word == len && !strncasecmp(names, name, len))
			return true;
		names += word + (names[word] == ' ');
	}
	return false;
}
