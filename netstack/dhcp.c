/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/dhcp.h"

#include <string.h>

#include "netstack/frame.h"
#include "netstack/packet.h"

#define IP_HEAD     20
#define UDP_HEAD    8
#define BOOTP_LEN   236
#define OPTIONS     (FRAME_HEAD + IP_HEAD + UDP_HEAD + BOOTP_LEN + 4)
#define PORT_SERVER 67
#define PORT_CLIENT 68
#define LEASE_S     86400
#define ANSWER_MIN  342 /* BOOTP has 300 bytes at least */

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_RESOLVER = 6,
	OPT_MTU = 26,
	OPT_WANTED = 50,
	OPT_LEASE = 51,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_END = 255
};

static const uint8_t magic[] = { 0x63, 0x82, 0x53, 0x63 };

/* The option's value of just this length, or NULL. */
static const uint8_t *find(const uint8_t *at, const uint8_t *end, uint8_t option, size_t want)
{
	while (at < end && *at != OPT_END) {
		size_t len;

		if (*at == OPT_PAD) {
			at++;
			continue;
		}
		if (end - at < 2 || (size_t)(end - at) < 2 + (size_t)at[1])
			return NULL;
		len = at[1];
		if (*at == option)
			return len == want ? at + 2 : NULL;
		at += 2 + len;
	}
	return NULL;
}

/* Ethernet, IPv4 without options or fragments, UDP to the server's port, BOOTP of Ethernet. */
static bool is_question(const uint8_t *frame, size_t len)
{
	const uint8_t *ip = frame + FRAME_HEAD, *udp = ip + IP_HEAD, *bootp = udp + UDP_HEAD;

	if (len < OPTIONS || frame_type(frame, len) != FRAME_IPV4 || ip[0] != 0x45 ||
		ip[9] != IPPROTO_UDP || (packet_get16(ip + 6) & 0x3fff) ||
		packet_get16(udp + 2) != PORT_SERVER)
		return false;
	if (packet_get16(ip + 2) < OPTIONS - FRAME_HEAD || packet_get16(ip + 2) > len - FRAME_HEAD)
		return false;
	return bootp[0] == 1 && bootp[1] == 1 && bootp[2] == 6 &&
	       memcmp(bootp + BOOTP_LEN, magic, sizeof(magic)) == 0;
}

static bool is_same(const uint8_t *bytes, struct in_addr address)
{
	return memcmp(bytes, &address, sizeof(address)) == 0;
}

/* What to say to it; 0 = nothing. */
static uint8_t judge(const struct dhcp_lease *lease, const uint8_t *frame, const uint8_t *end)
{
	static const uint8_t none[4];
	const uint8_t *at = frame + OPTIONS, *type = find(at, end, OPT_TYPE, 1),
		      *wanted = find(at, end, OPT_WANTED, 4),
		      *server = find(at, end, OPT_SERVER, 4),
		      *has = frame + FRAME_HEAD + IP_HEAD + UDP_HEAD + 12;

	if (!type || (*type != DISCOVER && *type != REQUEST))
		return 0;
	if (*type == DISCOVER)
		return OFFER;
	if (server && !is_same(server, lease->router))
		return 0; /* it took another's offer */
	if (!wanted)
		wanted = memcmp(has, none, sizeof(none)) ? has : NULL;
	return wanted && is_same(wanted, lease->address) ? ACK : NAK;
}

static uint8_t *put_option(uint8_t *at, uint8_t option, const void *value, uint8_t len)
{
	at[0] = option;
	at[1] = len;
	memcpy(at + 2, value, len);
	return at + 2 + len;
}

static uint8_t *put_lease(uint8_t *at, const struct dhcp_lease *lease)
{
	const uint32_t seconds = htonl(LEASE_S);
	const uint16_t mtu = htons(lease->mtu);

	at = put_option(at, OPT_LEASE, &seconds, sizeof(seconds));
	at = put_option(at, OPT_MASK, &lease->mask, sizeof(lease->mask));
	at = put_option(at, OPT_ROUTER, &lease->router, sizeof(lease->router));
	if (lease->resolver.s_addr)
		at = put_option(at, OPT_RESOLVER, &lease->resolver, sizeof(lease->resolver));
	return put_option(at, OPT_MTU, &mtu, sizeof(mtu));
}

/* To everybody: the asker has no address yet, and is alone. */
static void put_heads(const struct dhcp_lease *lease, uint8_t *frame, size_t len)
{
	uint8_t *ip = frame + FRAME_HEAD, *udp = ip + IP_HEAD;
	size_t l4 = len - FRAME_HEAD - IP_HEAD;
	uint32_t pseudo = IPPROTO_UDP + (uint32_t)l4;
	const uint8_t mac[2] = { 0x52, 0x55 }; /* and the address: as libslirp calls itself */

	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, sizeof(mac));
	memcpy(frame + 8, &lease->router, 4);
	memset(ip, 0, IP_HEAD);
	ip[0] = 0x45;
	packet_put16(ip + 2, (uint16_t)(len - FRAME_HEAD));
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	memcpy(ip + 12, &lease->router, 4);
	memset(ip + 16, 0xff, 4);
	packet_put16(ip + 10, frame_checksum(ip, IP_HEAD, 0));
	for (unsigned i = 12; i < 20; i += 2)
		pseudo += packet_get16(ip + i);
	packet_put16(udp, PORT_SERVER);
	packet_put16(udp + 2, PORT_CLIENT);
	packet_put16(udp + 4, (uint16_t)l4);
	packet_put16(udp + 6, 0);
	packet_put16(udp + 6, frame_checksum(udp, l4, pseudo));
}

size_t dhcp_answer(const struct dhcp_lease *lease, uint8_t *frame, size_t len)
{
	uint8_t *bootp = frame + FRAME_HEAD + IP_HEAD + UDP_HEAD, *at = frame + OPTIONS, say;

	if (!is_question(frame, len))
		return 0;
	say = judge(lease, frame, frame + FRAME_HEAD + packet_get16(frame + FRAME_HEAD + 2));
	if (!say)
		return 0;
	bootp[0] = 2;               /* an answer; xid, flags and the asker's MAC stay as they are */
	memset(bootp + 12, 0, 4);   /* ciaddr */
	memset(bootp + 16, 0, 12);  /* yiaddr, siaddr, giaddr */
	memset(bootp + 44, 0, 192); /* sname, file */
	if (say != NAK)
		memcpy(bootp + 16, &lease->address, 4);
	memset(at, 0, DHCP_ROOM - OPTIONS);
	at = put_option(at, OPT_TYPE, &say, 1);
	at = put_option(at, OPT_SERVER, &lease->router, 4);
	if (say != NAK)
		at = put_lease(at, lease);
	*at++ = OPT_END;
	len = (size_t)(at - frame) < ANSWER_MIN ? ANSWER_MIN : (size_t)(at - frame);
	put_heads(lease, frame, len);
	return len;
}
