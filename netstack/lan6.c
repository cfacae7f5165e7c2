/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/lan6.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netstack/frame6.h"

#define PREFIX_BYTES 8
#define IP6_HEAD     40

static bool has_ipv6(const struct lan *lan)
{
	return !IN6_IS_ADDR_UNSPECIFIED(&lan->addresses.gateway6);
}

static struct member *find_address(const struct lan *lan, const struct in6_addr *address)
{
	struct member *member = lan->by_address6[address->s6_addr[15]];

	while (member && memcmp(&member->port.address6, address, sizeof(*address)) != 0)
		member = member->next_address6;
	return member;
}

struct member *lan6_find(const struct lan *lan, const struct in6_addr *address)
{
	const uint8_t *a = address->s6_addr;
	uint8_t mac[6] = { a[8] ^ 2, a[9], a[10], a[13], a[14], a[15] };
	struct in6_addr local = frame6_link_local(mac);

	if (memcmp(&local, address, sizeof(local)) == 0)
		return lan_find_mac(lan, mac);
	return IN6_IS_ADDR_UNSPECIFIED(address) ? NULL : find_address(lan, address);
}

bool lan6_is_inside(const struct lan *lan, const struct in6_addr *address)
{
	return has_ipv6(lan) && memcmp(address, &lan->addresses.gateway6, PREFIX_BYTES) == 0;
}

bool lan6_find_host(const struct lan *lan, struct in6_addr *ret)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
		.sin6_port = htons(9),
		/* 2001:db8::1, a documentation address */
		.sin6_addr = { .s6_addr = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } } };
	socklen_t len = sizeof(sin6);
	autofd int fd = -EBADF;

	if (!has_ipv6(lan))
		return false;
	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin6, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&sin6, &len) < 0)
		return false;
	if (IN6_IS_ADDR_LOOPBACK(&sin6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&sin6.sin6_addr))
		return false; /* of no use to anybody else */
	*ret = sin6.sin6_addr;
	return true;
}

/* Neither the router's (any host's part of zero) nor the gateway's, nor the last one, which is libslirp's resolver's. */
static bool is_for_members(const struct lan *lan, const struct in6_addr *address)
{
	static const uint8_t first[8], last[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };
	const struct in6_addr *gateway = &lan->addresses.gateway6;
	const uint8_t *host = address->s6_addr + PREFIX_BYTES;

	return memcmp(address, gateway, PREFIX_BYTES) == 0 &&
	       memcmp(address, gateway, sizeof(*address)) != 0 && memcmp(host, first, 8) != 0 &&
	       memcmp(host, last, 8) != 0;
}

static bool is_taken(const struct lan *lan, const struct in6_addr *address)
{
	return find_address(lan, address) || lan_is_reserved(lan, address);
}

static int choose_exactly(const struct lan *lan, const struct in6_addr *want, struct err *err)
{
	char text[INET6_ADDRSTRLEN];

	(void)inet_ntop(AF_INET6, want, text, sizeof(text)); /* cannot fail with this size */
	if (!is_for_members(lan, want))
		return err_set(
			err, -EINVAL, "address %s is not for containers of this network", text);
	return is_taken(lan, want) ? err_set(err, -EADDRINUSE, "address %s is already in use", text)
				   : 0;
}

int lan6_choose(const struct lan *lan, const struct lan_wish *wish, struct in_addr v4,
	struct in6_addr *ret, struct err *err)
{
	struct in6_addr address = lan->addresses.gateway6;
	uint32_t host = v4.s_addr & ~lan->addresses.mask.s_addr;

	if (!has_ipv6(lan)) {
		*ret = (struct in6_addr)IN6ADDR_ANY_INIT;
		return 0;
	}
	if (wish->exact6) {
		TRY(choose_exactly(lan, &wish->address6, err));
		*ret = wish->address6;
		return 0;
	}
	if (is_for_members(lan, &wish->address6) && !is_taken(lan, &wish->address6)) {
		*ret = wish->address6; /* what it had before */
		return 0;
	}
	memset(address.s6_addr + PREFIX_BYTES, 0, 8);
	memcpy(address.s6_addr + 12, &host, sizeof(host));
	/* chosen by another member, or the gateway's: it has as many as there are members, and one */
	for (unsigned i = 1; !is_for_members(lan, &address) || is_taken(lan, &address); i++) {
		address.s6_addr[10] = (uint8_t)(i >> 8);
		address.s6_addr[11] = (uint8_t)i;
	}
	*ret = address;
	return 0;
}

void lan6_add(struct member *member)
{
	struct member **bucket = &member->lan->by_address6[member->port.address6.s6_addr[15]];

	if (IN6_IS_ADDR_UNSPECIFIED(&member->port.address6))
		return;
	member->next_address6 = *bucket;
	*bucket = member;
}

void lan6_remove(struct member *member)
{
	struct member **at = &member->lan->by_address6[member->port.address6.s6_addr[15]];

	while (*at && *at != member)
		at = &(*at)->next_address6;
	if (*at)
		*at = member->next_address6;
}

/* Without an uplink libslirp may only say who and that the gateway is. */
static bool is_about_gateway(const struct lan *lan, const uint8_t *frame)
{
	const uint8_t *ip = frame + FRAME_HEAD;

	return ip[6] == IPPROTO_ICMPV6 &&
	       (ip[IP6_HEAD] != ICMP6_ECHO_REQUEST ||
		       memcmp(ip + 24, &lan->addresses.gateway6, 16) == 0);
}

bool lan6_may_go_up(const struct lan *lan, uint8_t *frame, size_t *len)
{
	return has_ipv6(lan) && frame6_clean(frame, len) &&
	       frame6_goes_up(frame, &lan->addresses) &&
	       (!lan->internal || is_about_gateway(lan, frame));
}
