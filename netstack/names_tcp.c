/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/names_tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netstack/names.h"
#include "netstack/packet.h"
#include "netstack/refuse.h"

#define PORT_DNS 53
#define FIRST_MS 200
#define WINDOW   8192
#define MSS      536 /* of a member that does not say */
#define MSS_MIN  64

struct names_call {
	struct names_call *next_call;
	struct member *member;
	uint8_t ethernet[FRAME_HEAD]; /* of frames to it */
	uint16_t port, mss, window;
	uint32_t begin;             /* the number of its SYN */
	uint32_t want;              /* of its bytes, the next */
	uint32_t acked, next, most; /* of ours: got, to be sent, ever sent */
	bool stands, ends;          /* ends: the member says no more */
	bool finished, gone;        /* nor do we: all of it is in out; it was acknowledged */
	int fd;
	struct loop_source *source, *timer;
	unsigned tries;
	size_t have;
	uint8_t out[NAMES_TCP_ROOM]; /* from `acked` on */
};

static int on_inside(void *data, int fd, uint32_t events, struct err *err);

static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static void call_free(struct names_call *call)
{
	struct names_call **at = &call->member->calls;

	while (*at != call)
		at = &(*at)->next_call;
	*at = call->next_call;
	loop_del(call->source);
	loop_del(call->timer);
	fd_drop(&call->fd);
	free(call);
}

/* ---- to the member ---- */

static void send_tcp(struct names_call *call, struct packet_tcp *tcp)
{
	const struct lan *lan = call->member->lan;
	const struct packet_ends ends = { (const uint8_t *)&lan->addresses.gateway,
		(const uint8_t *)&call->member->port.address, false };
	uint8_t frame[FRAME_HEAD + PACKET_IP4 + PACKET_TCP + 4 + NAMES_TCP_ROOM];

	tcp->from = PORT_DNS;
	tcp->to = call->port;
	tcp->ack = call->want;
	tcp->flags |= PACKET_ACK;
	tcp->window = WINDOW;
	memcpy(frame, call->ethernet, FRAME_HEAD);
	lan_send(call->member, frame, FRAME_HEAD + packet_put_tcp(frame + FRAME_HEAD, &ends, tcp));
}

static void send_ack(struct names_call *call)
{
	send_tcp(call, &(struct packet_tcp){ .seq = call->next });
}

static void send_first(struct names_call *call)
{
	send_tcp(call,
		&(struct packet_tcp){ .seq = call->acked,
			.flags = PACKET_SYN,
			.mss = (uint16_t)(call->member->lan->mtu - PACKET_IP4 - PACKET_TCP) });
}

static void call_reset(struct names_call *call)
{
	send_tcp(call, &(struct packet_tcp){ .seq = call->next, .flags = PACKET_RST });
	call_free(call);
}

/* A timer that cannot be set costs the repetition of what gets lost. */
static void wait_for_ack(struct names_call *call)
{
	struct err err = ERR_INIT;
	bool waits = !call->stands || call->next != call->acked || call->have || call->finished;
	unsigned tries = call->gone ? NAMES_TCP_TRIES : call->tries;

	(void)loop_set_timer(call->timer, waits ? FIRST_MS << tries : 0, 0, &err);
}

/* As much as the member's window takes; with `probe` at least a byte, to learn how large that is now. */
static void push(struct names_call *call, bool probe)
{
	size_t sent = call->next - call->acked, window = call->window;

	if (probe && !window)
		window = 1;
	while (sent < call->have && sent < window) {
		size_t n = call->have - sent;

		if (n > window - sent)
			n = window - sent;
		if (n > call->mss)
			n = call->mss;
		send_tcp(call, &(struct packet_tcp){
				       .seq = call->next, .payload = call->out + sent, .len = n });
		call->next += (uint32_t)n;
		sent += n;
	}
	if (call->finished && !call->gone && sent == call->have) {
		send_tcp(call, &(struct packet_tcp){ .seq = call->next, .flags = PACKET_FIN });
		call->next++;
	}
	if (before(call->most, call->next))
		call->most = call->next;
	wait_for_ack(call);
}

static int on_timer(void *data, struct err *err)
{
	struct names_call *call = data;

	if (call->gone) {
		call_free(call); /* the member has all, and does not hang up */
		return 0;
	}
	if (++call->tries > NAMES_TCP_TRIES) {
		call_reset(call);
		return 0;
	}
	if (!call->stands) {
		send_first(call);
		wait_for_ack(call);
		return 0;
	}
	call->next = call->acked; /* all that was not acknowledged, once more */
	push(call, true);
	return 0;
}

/* ---- from names_stream() ---- */

static int watch(struct names_call *call, struct err *err)
{
	if (call->source || call->finished || call->have == sizeof(call->out))
		return 0;
	return loop_add_fd(
		call->member->lan->loop, call->fd, EPOLLIN, on_inside, call, &call->source, err);
}

static void unwatch(struct names_call *call)
{
	loop_del(call->source);
	call->source = NULL;
}

static int on_inside(void *data, int fd, uint32_t events, struct err *err)
{
	struct names_call *call = data;
	ssize_t n = recv(fd, call->out + call->have, sizeof(call->out) - call->have, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		call->have += (size_t)n;
	else
		call->finished = true;
	if (call->finished || call->have == sizeof(call->out))
		unwatch(call); /* until there is room: a hang-up would be told again and again */
	push(call, false);
	return 0;
}

/* It stands: from here on names.c serves it. */
static int open_inside(struct names_call *call)
{
	struct err err = ERR_INIT;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
		return -errno;
	call->fd = pair[0];
	names_stream(call->member, pair[1]);
	return watch(call, &err);
}

/* ---- from the member ---- */

static struct names_call *find_call(const struct member *member, uint16_t port)
{
	struct names_call *call = member->calls;

	while (call && call->port != port)
		call = call->next_call;
	return call;
}

static unsigned count_calls(const struct member *member)
{
	unsigned n = 0;

	for (const struct names_call *call = member->calls; call; call = call->next_call)
		n++;
	return n;
}

static struct names_call *call_new(struct member *member, const uint8_t *frame, size_t len)
{
	struct packet_tcp tcp = packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD);
	uint16_t mss = packet_read_mss(frame + FRAME_HEAD, len - FRAME_HEAD);
	struct names_call *call = calloc(1, sizeof(*call));
	struct err err = ERR_INIT;

	if (!call)
		return NULL;
	*call = (struct names_call){ .member = member, .port = tcp.from, .fd = -EBADF };
	if (getrandom(&call->acked, sizeof(call->acked), GRND_NONBLOCK) !=
			(ssize_t)sizeof(call->acked) ||
		loop_add_timer(member->lan->loop, 0, 0, on_timer, call, &call->timer, &err) < 0) {
		free(call);
		return NULL;
	}
	memcpy(call->ethernet, frame + 6, 6);
	memcpy(call->ethernet + 6, frame, 6);
	memcpy(call->ethernet + 12, frame + 12, 2);
	call->mss = mss < MSS_MIN ? MSS : mss;
	if (call->mss > member->lan->mtu - PACKET_IP4 - PACKET_TCP)
		call->mss = (uint16_t)(member->lan->mtu - PACKET_IP4 - PACKET_TCP);
	call->begin = tcp.seq;
	call->want = tcp.seq + 1;
	call->next = call->most = call->acked + 1;
	return call;
}

static void refuse(const struct member *from, uint8_t *frame, size_t len)
{
	uint8_t out[REFUSE_MAX];

	/* the question was turned to the nameserver's address; the member knows the gateway's */
	memcpy(frame + FRAME_HEAD + 16, &from->lan->addresses.gateway, 4);
	if (!(packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD).flags & PACKET_RST))
		lan_send(from, out, refuse_reset(frame, len, out));
}

/* A first SYN, or another one of the same. */
static void take_syn(struct member *from, uint8_t *frame, size_t len)
{
	struct packet_tcp tcp = packet_read_tcp(frame + FRAME_HEAD, len - FRAME_HEAD);
	struct names_call *call = find_call(from, tcp.from);

	if (call && (call->stands || call->begin != tcp.seq)) {
		call_free(call); /* the member has begun anew */
		call = NULL;
	}
	if (!call) {
		call = count_calls(from) < NAMES_STREAMS ? call_new(from, frame, len) : NULL;
		if (!call) {
			refuse(from, frame, len);
			return;
		}
		call->next_call = from->calls;
		from->calls = call;
	}
	send_first(call);
	wait_for_ack(call);
}

/* False: it is over. */
static bool take_ack(struct names_call *call, const struct packet_tcp *tcp)
{
	uint32_t n = tcp->ack - call->acked;
	struct err err = ERR_INIT;

	call->window = tcp->window;
	if (before(call->most, tcp->ack) || !before(call->acked, tcp->ack))
		return true; /* nothing new, or nonsense */
	call->tries = 0;
	if (!call->stands) {
		call->stands = true;
		n--; /* the SYN */
	}
	if (n > call->have) { /* our end as well */
		n = (uint32_t)call->have;
		call->gone = true;
	}
	memmove(call->out, call->out + n, call->have - n);
	call->have -= n;
	call->acked = tcp->ack;
	if (before(call->next, call->acked))
		call->next = call->acked;
	if (call->fd < 0)
		return open_inside(call) >= 0;
	return watch(call, &err) >= 0;
}

/* What is next in order; the rest comes again. False: there is nobody to take it. */
static bool take_bytes(struct names_call *call, struct packet_tcp *tcp)
{
	uint32_t known = call->want - tcp->seq;
	ssize_t n = 0;

	if (!tcp->len && !(tcp->flags & PACKET_FIN))
		return true;
	if (before(call->want, tcp->seq) || known > tcp->len || call->ends) {
		send_ack(call);
		return true;
	}
	if (tcp->len > known) {
		n = send(call->fd, tcp->payload + known, tcp->len - known, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		n = n < 0 ? 0 : n;
	}
	call->want += (uint32_t)n;
	if ((tcp->flags & PACKET_FIN) && known + (size_t)n == tcp->len) {
		call->want++;
		call->ends = true;
		(void)shutdown(call->fd, SHUT_WR); /* a socket that is open */
	}
	send_ack(call);
	return true;
}

static void take(struct names_call *call, struct packet_tcp *tcp)
{
	if (tcp->flags & PACKET_RST) {
		if (tcp->seq == call->want)
			call_free(call);
		return;
	}
	if (!(tcp->flags & PACKET_ACK))
		return;
	if (!take_ack(call, tcp) || (call->stands && !take_bytes(call, tcp))) {
		call_reset(call);
		return;
	}
	if (call->ends && call->gone)
		call_free(call);
	else if (call->stands)
		push(call, false);
}

bool names_tcp_frame(struct member *from, size_t len)
{
	struct lan *lan = from->lan;
	uint8_t *frame = lan->frame, *ip = frame + FRAME_HEAD;
	struct names_call *call;
	struct packet_tcp tcp;

	if (packet_proto(ip) != IPPROTO_TCP || memcmp(ip + 16, &lan->addresses.nameserver, 4) != 0)
		return false;
	tcp = packet_read_tcp(ip, len - FRAME_HEAD);
	if (!packet_checksum_is_right(ip, len - FRAME_HEAD))
		return true;
	call = find_call(from, tcp.from);
	if ((tcp.flags & (PACKET_SYN | PACKET_ACK | PACKET_RST)) == PACKET_SYN)
		take_syn(from, frame, len);
	else if (call)
		take(call, &tcp);
	else
		refuse(from, frame, len);
	return true;
}

void names_tcp_leave(struct member *member)
{
	while (member->calls)
		call_free(member->calls);
}
