/* SPDX-License-Identifier: Apache-2.0 */
/* A packet on a network's control socket: what is taken for a wish to join holds what it announces, and
 * its texts end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "netstack/control.h"
#include "network/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the fixed part is 9 KB, mostly zeros: the input lies over it in two pieces */
	static _Alignas(8) uint8_t packet[WIRE_PACKET_MAX];
	size_t fixed = sizeof(struct wire_join), head = size < fixed ? size / 2 : 96, len;
	const struct wire_join *join;
	struct wire_join start;

	if (size < 2)
		return 0;
	memset(packet, 0, sizeof(packet));
	memcpy(packet, data, head);
	len = size - head;
	if (len > sizeof(packet) - fixed + 64)
		return 0;
	memcpy(packet + fixed - 64, data + head, len);
	len = fixed - 64 + len;
	join = control_check_join(packet, len);
	memcpy(&start, packet, sizeof(start));
	if (!join)
		return 0;
	if (len != fixed + start.n_ports * sizeof(struct wire_port) ||
		start.n_ports > WIRE_PORTS_MAX || start.n_loopback > WIRE_LOOPBACK_MAX ||
		start.n_servers > WIRE_SERVERS_MAX || strlen(start.id) >= sizeof(start.id) ||
		strlen(start.names) >= sizeof(start.names) ||
		strlen(start.egress) >= sizeof(start.egress))
		abort();
	for (size_t i = 0; i < start.n_servers; i++)
		if (start.servers[i].family != AF_INET && start.servers[i].family != AF_INET6)
			abort();
	return 0;
}
