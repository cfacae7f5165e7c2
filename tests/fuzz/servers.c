/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/resolv.conf: any text gives one to eight servers. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "netstack/servers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct sockaddr_storage address;
	struct servers servers = { 0 };

	servers_parse(text, &servers);
	if (servers.n < 1 || servers.n > SERVERS_MAX)
		abort();
	for (size_t i = 0; i < servers.n; i++)
		if (!servers_address(&servers.list[i], &address) ||
			(address.ss_family != AF_INET && address.ss_family != AF_INET6))
			abort();
	return 0;
}
