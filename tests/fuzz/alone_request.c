/* SPDX-License-Identifier: Apache-2.0 */
/* A request on the API socket of sbx-netstack in slirp4netns' place. */
#include <assert.h>
#include <string.h>

#include "netstack/alone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alone_request request;

	if (size > ALONE_REQUEST_MAX)
		return 0;
	if (alone_request_parse((const char *)data, size, &request) < 0)
		return 0;
	assert(request.is_object);
	assert(strlen(request.execute) < sizeof(request.execute));
	assert(strlen(request.host_addr) < sizeof(request.host_addr));
	return 0;
}
