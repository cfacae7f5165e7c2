/* SPDX-License-Identifier: Apache-2.0 */
/* A frame that may ask for an address: what comes back is an answer that frame.h would call whole. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/dhcp.h"
#include "netstack/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dhcp_lease lease = { .address = { 0x0f02000a }, .router = { 0x0202000a } };
	size_t room = size < DHCP_ROOM ? DHCP_ROOM : size, len;
	uint8_t *frame = malloc(room);

	if (!frame)
		return 0;
	memcpy(frame, data, size);
	len = dhcp_answer(&lease, frame, size);
	assert(len <= DHCP_ROOM);
	assert(!len || (frame_type(frame, len) == FRAME_IPV4 &&
			       frame_checksum(frame + FRAME_HEAD, 20, 0) == 0));
	free(frame);
	return 0;
}
