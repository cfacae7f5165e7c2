/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/pace.h"

#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"

#define PACED   "bbr"  /* and bbr2, bbr3 */
#define UNPACED "reno" /* every kernel has it, and lets everybody choose it */

static void set(int fd, const char *name)
{
	(void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)strlen(name));
}

struct pace pace_find(void)
{
	struct pace pace = { 0 };
	autofd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(pace.own);

	if (fd < 0 || getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, pace.own, &len) < 0 ||
		strncmp(pace.own, PACED, strlen(PACED)) != 0)
		return (struct pace){ 0 };
	pace.own[sizeof(pace.own) - 1] = '\0';
	return pace;
}

void pace_off(const struct pace *pace, int fd)
{
	if (pace->own[0])
		set(fd, UNPACED);
}

bool pace_is_local(const union syn_address *own, const union syn_address *peer)
{
	if (own->any.sa_family != peer->any.sa_family)
		return false;
	if (peer->any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&peer->in6.sin6_addr) ||
		       IN6_ARE_ADDR_EQUAL(&own->in6.sin6_addr, &peer->in6.sin6_addr);
	return ntohl(peer->in.sin_addr.s_addr) >> 24 == 127 ||
	       own->in.sin_addr.s_addr == peer->in.sin_addr.s_addr;
}

void pace_settle(const struct pace *pace, int fd)
{
	union syn_address own = { 0 }, peer = { 0 };
	socklen_t own_len = sizeof(own), peer_len = sizeof(peer);

	if (!pace->own[0] || getsockname(fd, &own.any, &own_len) < 0 ||
		getpeername(fd, &peer.any, &peer_len) < 0)
		return; /* or it has ended already */
	if (!pace_is_local(&own, &peer))
		set(fd, pace->own);
}
