/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/gate.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "netstack/packet.h"
#include "netstack/refuse.h"
#include "netstack/sniff.h"
#include "netstack/stack.h"

#define BUCKETS   256
#define L4_MIN    8
#define IP_OFFSET 0x1fff
#define TICK_MS   5000
#define UDP_MS    60000
#define CLOSED_MS 10000
#define IDLE_MS   (4 * 3600 * 1000LL) /* libslirp has forgotten it by then */

struct key {
	struct in6_addr address; /* of the other side; IPv4 as ::ffff:a.b.c.d */
	uint16_t own, port;      /* of UDP and TCP; own is the id of an echo request */
	uint8_t proto;
};

/* A frame that waits. */
struct held {
	struct held *next;
	size_t len;
	uint8_t frame[];
};

enum state {
	PEEKING, /* nothing of the member's bytes has passed */
	CHECKED, /* they have, up to `checked`, and libslirp has not said that it got them */
	OPEN,
};

struct flow {
	struct flow *next;
	struct key key;
	enum state state;
	uint32_t
		expected; /* sequence number, while PEEKING; the end of what was judged, while CHECKED */
	uint32_t begin; /* sequence number of the SYN */
	bool stands;    /* libslirp has answered that SYN: it counts from there as we do */
	bool over, fin[2];
	uint64_t bytes[2], id;
	int64_t since; /* something passed */
	struct held *held, **held_end;
	size_t held_bytes;
};

struct gate {
	struct member *member;
	struct loop_source *tick;
	struct flow *bucket[BUCKETS];
	unsigned n, peeking;
	size_t held_bytes; /* of all */
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now); /* cannot fail with this clock */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* ---- flows ---- */

static struct flow **bucket_of(struct gate *gate, const struct key *key)
{
	return &gate->bucket[(key->own ^ key->port ^ key->address.s6_addr[15]) % BUCKETS];
}

static bool same_key(const struct key *a, const struct key *b)
{
	return memcmp(&a->address, &b->address, sizeof(a->address)) == 0 && a->own == b->own &&
	       a->port == b->port && a->proto == b->proto;
}

static struct flow *find_flow(struct gate *gate, const struct key *key)
{
	struct flow *flow = *bucket_of(gate, key);

	while (flow && !same_key(&flow->key, key))
		flow = flow->next;
	return flow;
}

static void drop_held(struct gate *gate, struct flow *flow)
{
	while (flow->held) {
		struct held *held = flow->held;

		flow->held = held->next;
		free(held);
	}
	flow->held_end = &flow->held;
	gate->held_bytes -= flow->held_bytes;
	flow->held_bytes = 0;
}

static void stop_peeking(struct gate *gate, struct flow *flow, enum state next)
{
	if (flow->state == PEEKING)
		gate->peeking--;
	flow->state = next;
	drop_held(gate, flow);
}

static void end_flow(struct gate *gate, struct flow *flow, const char *how)
{
	struct flow **at = bucket_of(gate, &flow->key);

	while (*at != flow)
		at = &(*at)->next;
	*at = flow->next;
	stop_peeking(gate, flow, OPEN);
	netlog_end(&gate->member->log, flow->id, flow->bytes, how);
	gate->n--;
	free(flow);
}

static struct egress_target target_of(const struct key *key)
{
	return (struct egress_target){ key->address, key->port, key->proto };
}

/* A verdict on something new; ALLOW and PEEK make *ret. NULL: refused, or no room. */
static struct flow *judge(struct gate *gate, const struct key *key)
{
	struct egress_target target = target_of(key);
	const char *name;
	enum egress_verdict verdict = egress_ask(gate->member->egress, &target, &name);
	struct flow *flow = NULL;

	if (verdict != EGRESS_REFUSE && gate->n < GATE_FLOWS &&
		(verdict != EGRESS_PEEK || gate->peeking < GATE_PEEKS))
		flow = calloc(1, sizeof(*flow));
	if (!flow) {
		(void)netlog_begin(&gate->member->log, &target, name, true); /* it has no end */
		return NULL;
	}
	flow->key = *key;
	flow->held_end = &flow->held;
	flow->state = verdict == EGRESS_PEEK ? PEEKING : OPEN;
	flow->id = netlog_begin(&gate->member->log, &target, name, false);
	flow->since = now_ms();
	gate->peeking += flow->state == PEEKING;
	gate->n++;
	flow->next = *bucket_of(gate, key);
	*bucket_of(gate, key) = flow;
	return flow;
}

static bool is_stale(const struct flow *flow, int64_t now)
{
	int64_t limit = flow->key.proto != IPPROTO_TCP ? UDP_MS : flow->over ? CLOSED_MS : IDLE_MS;

	return now - flow->since > limit;
}

static int on_tick(void *data, struct err *err)
{
	struct gate *gate = data;
	int64_t now = now_ms();

	for (size_t i = 0; i < BUCKETS; i++) {
		struct flow *next;

		for (struct flow *flow = gate->bucket[i]; flow; flow = next) {
			next = flow->next;
			if (is_stale(flow, now))
				end_flow(gate, flow, "closed");
		}
	}
	return 0;
}

int gate_new(struct member *member, struct gate **ret, struct err *err)
{
	struct gate *gate = calloc(1, sizeof(*gate));
	int r;

	if (!gate)
		return err_set(err, -ENOMEM, "out of memory");
	gate->member = member;
	r = loop_add_timer(member->lan->loop, TICK_MS, TICK_MS, on_tick, gate, &gate->tick, err);
	if (r < 0)
		free(gate);
	else
		*ret = gate;
	return r;
}

void gate_free(struct gate *gate)
{
	if (!gate)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		while (gate->bucket[i])
			end_flow(gate, gate->bucket[i], "closed");
	}
	loop_del(gate->tick);
	free(gate);
}

static struct packet_tcp read_tcp(const uint8_t *frame, size_t len)
{
	return packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD);
}

/* ---- saying no ---- */

static void answer(const struct gate *gate, const uint8_t *frame, size_t len)
{
	lan_send(gate->member, frame, len);
}

static void reset_member(const struct gate *gate, const uint8_t *frame, size_t len)
{
	uint8_t out[REFUSE_MAX];

	if (!(read_tcp(frame, len).flags & PACKET_RST))
		answer(gate, out, refuse_reset(frame, len, out));
}

static void say_unreachable(const struct gate *gate, const uint8_t *frame, size_t len)
{
	uint8_t out[REFUSE_MAX];

	answer(gate, out, refuse_unreachable(frame, len, &gate->member->lan->addresses, out));
}

/* ---- TCP ---- */

/* a is before b, modulo 2^32 */
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void refuse_both(struct gate *gate, struct flow *flow, const uint8_t *frame, size_t len)
{
	uint8_t out[REFUSE_MAX];
	size_t n = refuse_hang_up(frame, len, flow->begin + 1, out);

	reset_member(gate, frame, len);
	stack_input_of(gate->member->lan->stack, &gate->member->share, out, n);
	end_flow(gate, flow, "refused");
}

static size_t add_bytes(const uint8_t *frame, size_t len, uint8_t *data, size_t have)
{
	struct packet_tcp tcp = read_tcp(frame, len);
	size_t part = tcp.len < SNIFF_MAX - have ? tcp.len : SNIFF_MAX - have;

	memcpy(data + have, tcp.payload, part); /* no more is ever asked for */
	return have + part;
}

/* About what was held and this frame. */
static enum egress_verdict ask_bytes(struct gate *gate, const struct flow *flow,
	const uint8_t *frame, size_t len, char name[EGRESS_NAME])
{
	struct egress_target target = target_of(&flow->key);
	uint8_t data[SNIFF_MAX];
	size_t have = 0;

	for (const struct held *held = flow->held; held; held = held->next)
		have = add_bytes(held->frame, held->len, data, have);
	have = add_bytes(frame, len, data, have);
	return egress_ask_bytes(gate->member->egress, &target, data, have, name);
}

static bool keep(struct gate *gate, struct flow *flow, const uint8_t *frame, size_t len)
{
	size_t bytes = sizeof(struct held) + len;
	struct held *held = NULL;

	if (bytes <= GATE_HELD_MAX - gate->held_bytes)
		held = malloc(bytes);
	if (!held)
		return false;
	held->next = NULL;
	held->len = len;
	memcpy(held->frame, frame, len);
	*flow->held_end = held;
	flow->held_end = &held->next;
	flow->held_bytes += bytes;
	gate->held_bytes += bytes;
	flow->expected += (uint32_t)read_tcp(frame, len).len;
	return true;
}

/* What was held goes on as it came. */
static void release(struct gate *gate, struct flow *flow)
{
	struct held *held = flow->held;

	flow->held = NULL; /* libslirp answers while it is fed: nobody may look at a list in use */
	stop_peeking(gate, flow, CHECKED);
	while (held) {
		struct held *next = held->next;

		stack_input_of(
			gate->member->lan->stack, &gate->member->share, held->frame, held->len);
		free(held);
		held = next;
	}
}

/* Nothing can be said yet. What was not kept, for others' frames take the room, is sent again. */
static void wait_for_more(
	struct gate *gate, struct flow *flow, const uint8_t *frame, size_t len, bool last)
{
	uint8_t out[REFUSE_MAX];

	if (last || flow->held_bytes + sizeof(struct held) + len > GATE_FLOW_HELD_MAX)
		refuse_both(gate, flow, frame, len);
	else if (keep(gate, flow, frame, len))
		answer(gate, out, refuse_acknowledge(frame, len, flow->expected, out));
}

/* True: the frame may go on. */
static bool peek(struct gate *gate, struct flow *flow, const uint8_t *frame, size_t len)
{
	struct packet_tcp tcp = read_tcp(frame, len);
	uint8_t out[REFUSE_MAX];
	char name[EGRESS_NAME];
	enum egress_verdict verdict;

	if (!flow->stands)
		return false; /* no kernel sends this early */
	if (!packet_checksum_is_right(frame + FRAME_HEAD, len - FRAME_HEAD) ||
		tcp.seq != flow->expected) {
		/* lost, out of order, or seen already */
		answer(gate, out, refuse_acknowledge(frame, len, flow->expected, out));
		return false;
	}
	verdict = ask_bytes(gate, flow, frame, len, name);
	if (verdict == EGRESS_PEEK) {
		wait_for_more(gate, flow, frame, len, tcp.flags & PACKET_FIN);
		return false;
	}
	netlog_name(&gate->member->log, flow->id, name);
	if (verdict == EGRESS_REFUSE) {
		refuse_both(gate, flow, frame, len);
		return false;
	}
	flow->expected += (uint32_t)tcp.len;
	release(gate, flow);
	return true;
}

/* A first SYN, or another one of the same. */
static bool tcp_begin(struct gate *gate, const struct key *key, const uint8_t *frame, size_t len)
{
	struct packet_tcp tcp = read_tcp(frame, len);
	struct flow *flow = find_flow(gate, key);

	if (flow && flow->begin == tcp.seq && !tcp.len && !flow->over)
		return true;
	if (flow)
		end_flow(gate, flow, "closed");
	flow = tcp.len ? NULL : judge(gate, key); /* bytes on a SYN would pass unseen */
	if (!flow) {
		reset_member(gate, frame, len);
		return false;
	}
	flow->begin = tcp.seq;
	flow->expected = tcp.seq + 1;
	return true;
}

static void see_flags(struct gate *gate, struct flow *flow, uint8_t flags, int side)
{
	flow->since = now_ms();
	flow->fin[side] = flow->fin[side] || (flags & PACKET_FIN);
	flow->over = flow->over || (flags & PACKET_RST) || (flow->fin[0] && flow->fin[1]);
}

static bool tcp_up(struct gate *gate, const struct key *key, const uint8_t *frame, size_t len)
{
	struct packet_tcp tcp = read_tcp(frame, len);
	struct flow *flow = find_flow(gate, key);

	if ((tcp.flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) == PACKET_SYN)
		return tcp_begin(gate, key, frame, len);
	if (!flow || (tcp.flags & PACKET_SYN)) {
		reset_member(gate, frame, len);
		return false;
	}
	see_flags(gate, flow, tcp.flags, 0);
	flow->bytes[0] += tcp.len;
	/* an end alone says something when there are bytes before it: that no more come */
	if (flow->state == PEEKING && (tcp.len || (flow->held && (tcp.flags & PACKET_FIN))))
		return peek(gate, flow, frame, len);
	/* those before it libslirp has already, as they were judged */
	return flow->state != CHECKED || !tcp.len || !before(tcp.seq, flow->expected);
}

/* ---- the rest ---- */

static bool datagram_up(struct gate *gate, const struct key *key, const uint8_t *frame, size_t len)
{
	struct egress_target target = target_of(key);
	struct flow *flow = find_flow(gate, key);

	/* asked again each time: what its name's address is may have changed */
	if (flow && egress_ask(gate->member->egress, &target, NULL) != EGRESS_ALLOW) {
		end_flow(gate, flow, "closed");
		flow = NULL;
	}
	if (!flow)
		flow = judge(gate, key);
	if (!flow) {
		say_unreachable(gate, frame, len);
		return false;
	}
	flow->since = now_ms();
	flow->bytes[0] += len - FRAME_HEAD - packet_head(frame + FRAME_HEAD);
	return true;
}

/* side 0: sent by the member */
static struct key read_key(const uint8_t *ip, int side)
{
	const uint8_t *l4 = ip + packet_head(ip);
	struct packet_ends ends = packet_ends(ip);
	struct key key = { .proto = packet_proto(ip),
		.address = packet_address(side ? ends.from : ends.to, ends.v6) };

	if (key.proto == IPPROTO_ICMP || key.proto == IPPROTO_ICMPV6) {
		key.own = packet_get16(l4 + 4);
		return key;
	}
	key.own = packet_get16(l4 + (side ? 2 : 0));
	key.port = packet_get16(l4 + (side ? 0 : 2));
	return key;
}

/* It answers echo requests, and nothing else of it is open. */
static bool is_gateway(const struct frame_lan *lan, const struct in6_addr *address)
{
	const struct in6_addr v4 = egress_from_v4(lan->gateway);

	return memcmp(address, &v4, sizeof(v4)) == 0 ||
	       memcmp(address, &lan->gateway6, sizeof(*address)) == 0;
}

static bool is_discovery(const uint8_t *ip)
{
	return packet_proto(ip) == IPPROTO_ICMPV6 && ip[PACKET_IP6] != ICMP6_ECHO_REQUEST;
}

/* A part of a datagram that is not its first. */
static bool is_later_part(const uint8_t *ip)
{
	return !packet_ends(ip).v6 && (packet_get16(ip + 6) & IP_OFFSET);
}

bool gate_up(struct member *from, size_t len)
{
	struct gate *gate = from->gate;
	const uint8_t *frame = from->lan->frame, *ip = frame + FRAME_HEAD;
	struct key key;

	/* of a datagram whose first part was stopped the others make nothing */
	if (!gate || is_later_part(ip) || is_discovery(ip))
		return true;
	key = read_key(ip, 0);
	if (is_gateway(&from->lan->addresses, &key.address))
		return true;
	if (key.proto == IPPROTO_TCP)
		return tcp_up(gate, &key, frame, len);
	return datagram_up(gate, &key, frame, len);
}

/* Whole enough to be looked at? */
static bool is_readable(const uint8_t *head, size_t len)
{
	const uint8_t *ip = head + FRAME_HEAD;

	if (frame_type(head, len) == FRAME_IPV4)
		return len >= FRAME_HEAD + PACKET_IP4 + L4_MIN && ip[0] == 0x45;
	return frame_type(head, len) == FRAME_IPV6 && len >= FRAME_HEAD + PACKET_IP6 + L4_MIN &&
	       ip[0] >> 4 == 6;
}

void gate_down(struct member *to, const uint8_t *head, size_t head_len, size_t len)
{
	const uint8_t *ip = head + FRAME_HEAD;
	struct packet_tcp tcp;
	struct flow *flow;
	struct key key;

	if (!to->gate || !is_readable(head, head_len))
		return;
	key = read_key(ip, 1);
	flow = find_flow(to->gate, &key);
	if (!flow)
		return;
	flow->since = now_ms();
	if (key.proto != IPPROTO_TCP || head_len < FRAME_HEAD + packet_head(ip) + PACKET_TCP) {
		flow->bytes[1] += len - FRAME_HEAD - packet_head(ip);
		return;
	}
	tcp = read_tcp(head, len);
	flow->bytes[1] += tcp.len;
	see_flags(to->gate, flow, tcp.flags, 1);
	if ((tcp.flags & (PACKET_SYN | PACKET_ACK)) == (PACKET_SYN | PACKET_ACK))
		flow->stands = flow->stands || tcp.ack == flow->begin + 1;
	if (flow->state == CHECKED && (tcp.flags & PACKET_ACK) && !before(tcp.ack, flow->expected))
		flow->state = OPEN;
}
