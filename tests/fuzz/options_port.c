/* SPDX-License-Identifier: Apache-2.0 */
/* -p: whatever is typed is refused or becomes ports within bounds. */
#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "options/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	autofree struct publish *list = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (parse_publish(text, &list, &n, &err) < 0) {
		assert(n == 0 && err.code < 0 && err.text[0]);
		return 0;
	}
	assert(n >= 1 && n <= 65535);
	for (size_t i = 0; i < n; i++) {
		unsigned char raw[16];

		assert(list[i].port != 0);
		assert(!list[i].host_ip[0] || inet_pton(AF_INET, list[i].host_ip, raw) == 1 ||
			inet_pton(AF_INET6, list[i].host_ip, raw) == 1);
	}
	return 0;
}
