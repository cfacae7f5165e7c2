/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a hostile member, with libslirp behind the checks (which an ASan build of it makes a
 * stronger test): the input is a row of frames, each with its length in front (two bytes, big-endian).
 * The first byte of a frame's MAC says whether the right addresses are written into it, so that the
 * fuzzer need not find them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "netstack/lan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct lan *make_lan(struct loop **ret_loop, struct member **ret_member)
{
	struct lan *lan = calloc(1, sizeof(*lan));
	const struct lan_config config = { .gateway = { htonl(0x0a580001) }, .prefix = 24 };
	const struct lan_wish wish = { .names = "fuzz" };
	struct err err = ERR_INIT;

	if (!lan || loop_new(ret_loop, &err) < 0 || lan_init(lan, *ret_loop, &config, &err) < 0 ||
		lan_join(lan, &wish, ret_member, &err) < 0)
		abort();
	return lan;
}

/* libslirp must not open connections to the world: only the gateway and a documentation net, which
 * nothing routes, are left as destinations. */
static void aim(struct member *member, uint8_t *frame, size_t len)
{
	if (frame[0] & 2)
		memcpy(frame + 6, member->port.mac, 6);
	if (len < FRAME_HEAD + 20)
		return;
	memcpy(frame + FRAME_HEAD + 12, &member->port.address, 4);
	if (frame[FRAME_HEAD + 16] & 1)
		memcpy(frame + FRAME_HEAD + 16, &member->lan->addresses.gateway, 4);
	else
		memcpy(frame + FRAME_HEAD + 16, "\xcb\x00\x71\x09", 4);
	if (frame[FRAME_HEAD + 10] & 1) { /* a right header checksum gets further */
		uint16_t sum;

		frame[FRAME_HEAD + 10] = frame[FRAME_HEAD + 11] = 0;
		sum = frame_checksum(frame + FRAME_HEAD, 20, 0);
		frame[FRAME_HEAD + 10] = (uint8_t)(sum >> 8);
		frame[FRAME_HEAD + 11] = (uint8_t)sum;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct member *member = NULL;
	struct loop *loop = NULL;
	struct lan *lan = make_lan(&loop, &member);
	struct err err = ERR_INIT;

	while (size >= 2) {
		size_t len = (size_t)(data[0] << 8 | data[1]);

		data += 2;
		size -= 2;
		len = len < size ? len : size;
		memcpy(lan->frame, data, len);
		if (len >= FRAME_HEAD)
			aim(member, lan->frame, len);
		lan_forward(member, len);
		data += len;
		size -= len;
	}
	(void)stack_settle(lan->stack, &err);
	lan_done(lan);
	loop_free(loop);
	free(lan);
	return 0;
}
