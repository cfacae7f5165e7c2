/* SPDX-License-Identifier: Apache-2.0 */
/* A DNS question of a hostile member, through everything that may answer it. An answer keeps the id and
 * the question, is marked as one, and fits. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "netstack/resolver.h"

#define ROOM 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look_up(void *data, const char *name, struct resolver_found *ret)
{
	assert(strlen(name) < RESOLVER_NAME_MAX);
	ret->v4.s_addr = htonl(0x0a580005);
	ret->v6.s6_addr[0] = 0xfd;
	return resolver_has_name("web db.one x", name);
}

static int find(void *data, const struct in6_addr *address, char name[RESOLVER_NAME_MAX])
{
	unsigned low = address->s6_addr[15];

	if (low & 1)
		return -1;
	/* also names that DNS cannot say: an empty label, one that is too long, one that just fits */
	if (low == 2)
		(void)snprintf(name, RESOLVER_NAME_MAX, "a..b");
	else
		(void)snprintf(name, RESOLVER_NAME_MAX, "%0*d", low > 200 ? 255 : (int)low, 0);
	return low != 4;
}

static void check(const uint8_t *before, size_t size, const uint8_t *after, size_t len)
{
	if (!len) {
		assert(memcmp(before, after, size) == 0); /* left alone */
		return;
	}
	assert(len <= ROOM && len >= 17);
	assert(before[0] == after[0] && before[1] == after[1]);
	assert(after[2] & 0x80);
	assert(memcmp(before + 12, after + 12, 5) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[ROOM];

	if (size > 512)
		return 0;
	for (int way = 0; way < 5; way++) {
		size_t len = 0;

		memcpy(room, data, size);
		if (way == 0)
			len = resolver_answer(room, size, ROOM, look_up, NULL);
		else if (way == 1)
			len = resolver_answer_pointer(room, size, ROOM, find, NULL);
		else if (way == 2)
			len = resolver_deny(room, size);
		else
			len = resolver_refer(room, size, way == 4);
		check(data, size, room, len);
	}
	return 0;
}
