/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/share.h"

#include <netinet/in.h>

#include "netstack/frame.h"

#define IP_HEAD   20
#define IP6_HEAD  40
#define TCP_FLAGS 13
#define SYN_ACK   0x12
#define SYN       0x02
#define TAG_UDP   0x10000u
#define TAG_V6    0x20000u
#define TAG_TCP   0x40000u

struct packet {
	uint8_t proto;
	const uint8_t *l4;
	bool v6;
};

/* False for ARP and what is too short. */
static bool parse(const uint8_t *frame, size_t len, struct packet *ret)
{
	const uint8_t *ip = frame + FRAME_HEAD;
	enum frame_type type = frame_type(frame, len);

	if (type == FRAME_IPV4 && len >= FRAME_HEAD + IP_HEAD + 8)
		*ret = (struct packet){ ip[9], ip + IP_HEAD, false };
	else if (type == FRAME_IPV6 && len >= FRAME_HEAD + IP6_HEAD + 8)
		*ret = (struct packet){ ip[6], ip + IP6_HEAD, true };
	else
		return false;
	return ret->proto != IPPROTO_TCP || len >= (size_t)(ret->l4 - frame) + TCP_FLAGS + 1;
}

static unsigned source_port(const struct packet *p)
{
	return (unsigned)p->l4[0] << 8 | p->l4[1];
}

bool share_admits(const struct share *share, const uint8_t *frame, size_t len)
{
	struct packet p;
	bool full = share->n >= SHARE_MAX;
	unsigned port;

	if ((!full && share->tcp < SHARE_TCP_MAX) || !parse(frame, len, &p))
		return true;
	if (p.proto == IPPROTO_TCP)
		return (p.l4[TCP_FLAGS] & SYN_ACK) != SYN;
	if (!full)
		return true;
	switch (p.proto) {
	case IPPROTO_UDP:
		port = source_port(&p);
		return share->udp[p.v6][port / 8] & 1u << port % 8;
	case IPPROTO_ICMP: /* a socket each */
		return false;
	default:
		return true; /* neighbour discovery */
	}
}

share_tag share_opened(struct share *share, const uint8_t *frame, size_t len)
{
	struct packet p;
	unsigned port;

	share->n++;
	if (!parse(frame, len, &p))
		return 0;
	share->tcp += p.proto == IPPROTO_TCP;
	if (p.proto != IPPROTO_UDP)
		return p.proto == IPPROTO_TCP ? TAG_TCP : 0;
	port = source_port(&p);
	share->udp[p.v6][port / 8] |= (uint8_t)(1u << port % 8);
	return port | TAG_UDP | (p.v6 ? TAG_V6 : 0);
}

void share_closed(struct share *share, share_tag tag)
{
	unsigned port = tag & UINT16_MAX;

	share->n -= share->n > 0;
	share->tcp -= tag & TAG_TCP && share->tcp > 0;
	if (tag & TAG_UDP)
		share->udp[(tag & TAG_V6) != 0][port / 8] &= (uint8_t) ~(1u << port % 8);
}
