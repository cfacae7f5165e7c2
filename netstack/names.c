/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "netstack/dns.h"
#include "netstack/forward.h"
#include "netstack/lan6.h"
#include "netstack/resolver.h"

#define UDP_HEADS    (FRAME_HEAD + 20 + 8)
#define QUESTION_MAX 4096
#define ANSWER_MAX   65535
#define TICK_MS      5000
#define IDLE_TICKS   4 /* a connection without a whole question */

struct stream {
	struct stream *next;
	struct member *member;
	int fd;
	struct loop_source *source;
	unsigned ticks;
	bool asking; /* one question at a time, in order */
	size_t have, out_len, out_from;
	uint8_t in[2 + QUESTION_MAX];
	uint8_t *out;
};

struct asked {
	struct asked *next, **at;
	struct member *member;
	struct forward_query *query;
	struct stream *stream;   /* or NULL: over UDP, with */
	uint8_t head[UDP_HEADS]; /* of the question's frame */
	size_t room;
	unsigned n_learned;
	char name[DNS_NAME];
};

struct names_member {
	struct asked *asked;
	struct stream *streams;
	unsigned n, n_streams;
	struct wire_server servers[WIRE_SERVERS_MAX];
	size_t n_servers;
};

struct names {
	struct forward *forward;
	struct loop_source *tick;
	uint8_t buffer[2 + ANSWER_MAX];
};

/* ---- what this network knows itself ---- */

/* What the member is told, its rules know. */
static void learn(struct member *member, const char *name, const struct in6_addr *address)
{
	if (member->egress)
		egress_learn(member->egress, name, address);
}

/* The host, as its packets to the world name it. With a port of its loopback opened (--host-loopback) by IPv4 alone, which
 * is where that is. */
static void find_host(struct member *from, const char *name, struct resolver_found *ret)
{
	const struct lan *lan = from->lan;
	struct in6_addr address;

	if (!lan_find_host(&ret->v4))
		ret->v4 = lan->addresses.gateway;
	address = egress_from_v4(ret->v4);
	learn(from, name, &address);
	if (from->n_loopback || !lan6_find_host(lan, &ret->v6))
		return;
	learn(from, name, &ret->v6);
}

static bool look_up(void *data, const char *name, struct resolver_found *ret)
{
	struct member *from = data;
	const struct lan *lan = from->lan;

	if (!lan->internal &&
		resolver_has_name("host.containers.internal host.docker.internal", name)) {
		find_host(from, name, ret);
		return true;
	}
	for (const struct member *member = lan->members; member; member = member->next) {
		if (resolver_has_name(member->names, name)) {
			*ret = (struct resolver_found){ member->port.address,
				member->port.address6 };
			return true;
		}
	}
	return false;
}

static bool is_ours(const struct lan *lan, const struct in6_addr *address)
{
	struct in_addr v4;

	if (!IN6_IS_ADDR_V4MAPPED(address))
		return lan6_is_inside(lan, address);
	memcpy(&v4, address->s6_addr + 12, sizeof(v4));
	return (v4.s_addr & lan->addresses.mask.s_addr) == lan->addresses.network.s_addr;
}

static const struct member *find_member(const struct lan *lan, const struct in6_addr *address)
{
	struct in_addr v4;

	if (!IN6_IS_ADDR_V4MAPPED(address))
		return lan6_find(lan, address);
	memcpy(&v4, address->s6_addr + 12, sizeof(v4));
	return lan_find_address(lan, v4);
}

/* The first of its names; members only, who else could have an address of ours? */
static int find_name(void *data, const struct in6_addr *address, char name[RESOLVER_NAME_MAX])
{
	const struct lan *lan = ((const struct member *)data)->lan;
	const struct member *member = is_ours(lan, address) ? find_member(lan, address) : NULL;

	if (!is_ours(lan, address))
		return -1;
	if (member)
		(void)snprintf(name, RESOLVER_NAME_MAX, "%.*s", (int)strcspn(member->names, " "),
			member->names);
	return member != NULL;
}

/* In place; the answer's length, or 0: somebody else has to be asked, and *ret_name is whom for. */
static size_t answer_here(
	struct member *from, uint8_t *data, size_t len, size_t room, char ret_name[DNS_NAME])
{
	unsigned type;
	size_t answer;

	answer = resolver_answer(data, len, room, look_up, from);
	if (!answer)
		answer = resolver_answer_pointer(data, len, room, find_name, from);
	if (!answer && from->asks_others)
		answer = resolver_refer(data, len, from->lan->internal);
	if (!answer && from->lan->internal)
		answer = resolver_deny(data, len);
	if (answer)
		return answer;
	if (len >
		QUESTION_MAX) /* it would be kept until it is answered, and no question is that long */
		return dns_fail(data, len, DNS_FORMAT);
	if (!dns_read_question(data, len, ret_name, &type))
		return dns_fail(data, len, DNS_NOT_DONE);
	if (!from->egress || egress_may_resolve(from->egress, ret_name))
		return 0;
	netlog_question(&from->log, ret_name);
	return dns_fail(data, len, DNS_REFUSED);
}

/* ---- what others know ---- */

static struct names_member *asks_of(struct member *member)
{
	if (!member->asks)
		member->asks = calloc(1, sizeof(*member->asks));
	return member->asks;
}

static void asked_free(struct asked *asked)
{
	*asked->at = asked->next;
	if (asked->next)
		asked->next->at = asked->at;
	asked->member->asks->n--;
	free(asked);
}

static void on_address(void *data, const struct in6_addr *address)
{
	struct asked *asked = data;

	if (asked->n_learned < NAMES_LEARNED && egress_may_be_told(address)) {
		asked->n_learned++;
		learn(asked->member, asked->name, address);
	}
}

/* buffer holds the answer from offset 2 on. */
static void stream_answer(struct stream *stream, size_t len);

static void reply(struct asked *asked, size_t len)
{
	struct lan *lan = asked->member->lan;
	uint8_t *payload = lan->frame + UDP_HEADS;

	if (len > asked->room)
		len = dns_truncate(lan->names->buffer + 2, len);
	if (!len || len > sizeof(lan->frame) - UDP_HEADS)
		return;
	memcpy(lan->frame, asked->head, UDP_HEADS);
	memcpy(payload, lan->names->buffer + 2, len);
	lan_send(asked->member, lan->frame, frame_reply(lan->frame, &lan->addresses, len));
}

static void on_answer(void *data, uint8_t *answer, size_t len)
{
	struct asked *asked = data;
	struct names *names = asked->member->lan->names;
	struct stream *stream = asked->stream;

	dns_each_address(answer, len, on_address, asked);
	memcpy(names->buffer + 2, answer, len);
	if (!stream)
		reply(asked, len);
	asked_free(asked);
	if (stream)
		stream_answer(stream, len);
}

/* False: it is refused, for the member has enough under way, or there is no memory. */
static bool ask_others(struct asked *wish, const uint8_t *question, size_t len)
{
	struct member *member = wish->member;
	struct names_member *asks = asks_of(member);
	struct forward_ask ask = { .question = question, .len = len, .tcp = wish->stream != NULL };
	struct asked *asked = asks && asks->n < NAMES_PENDING ? malloc(sizeof(*asked)) : NULL;

	if (!asked)
		return false;
	*asked = *wish;
	ask.servers = asks->servers;
	ask.n_servers = asks->n_servers;
	ask.fn = on_answer;
	ask.data = asked;
	asked->query = forward_ask(member->lan->names->forward, &ask);
	if (!asked->query) {
		free(asked);
		return false;
	}
	asked->next = asks->asked;
	asked->at = &asks->asked;
	if (asked->next)
		asked->next->at = &asked->next;
	asks->asked = asked;
	asks->n++;
	return true;
}

/* ---- over UDP ---- */

bool names_frame(struct member *from, size_t len)
{
	struct lan *lan = from->lan;
	struct asked wish = { .member = from };
	size_t question, answer, room, mtu = (size_t)lan->mtu - (UDP_HEADS - FRAME_HEAD);
	uint8_t *data = frame_question(lan->frame, len, &lan->addresses, &question);

	if (!data)
		return false;
	room = (size_t)(lan->frame + sizeof(lan->frame) - data);
	wish.room = dns_answer_room(data, question);
	if (wish.room > mtu)
		wish.room = mtu;
	answer = answer_here(from, data, question, room, wish.name);
	if (!answer) {
		memcpy(wish.head, lan->frame, UDP_HEADS);
		if (ask_others(&wish, data, question))
			return true;
		answer = dns_fail(data, question, DNS_FAILED);
	}
	if (answer)
		lan_send(from, lan->frame, frame_reply(lan->frame, &lan->addresses, answer));
	return true;
}

/* ---- over TCP ---- */

static void stream_free(struct stream *stream)
{
	struct names_member *asks = stream->member->asks;
	struct stream **at = &asks->streams;
	struct asked *next;

	for (struct asked *asked = asks->asked; asked; asked = next) {
		next = asked->next;
		if (asked->stream != stream)
			continue;
		forward_cancel(asked->query);
		asked_free(asked);
	}
	while (*at != stream)
		at = &(*at)->next;
	*at = stream->next;
	asks->n_streams--;
	loop_del(stream->source);
	fd_drop(&stream->fd);
	free(stream->out);
	free(stream);
}

/* False: it is over. */
static bool stream_flush(struct stream *stream)
{
	struct err err = ERR_INIT;

	while (stream->out && stream->out_from < stream->out_len) {
		ssize_t n = send(stream->fd, stream->out + stream->out_from,
			stream->out_len - stream->out_from, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (n < 0)
			return loop_mod_fd(stream->source, EPOLLOUT, &err) == 0;
		stream->out_from += (size_t)n;
	}
	free(stream->out);
	stream->out = NULL;
	return loop_mod_fd(stream->source, EPOLLIN, &err) == 0;
}

static bool stream_queue(struct stream *stream, size_t len)
{
	uint8_t *buffer = stream->member->lan->names->buffer;

	stream->asking = false;
	stream->out = malloc(2 + len);
	if (!len || !stream->out)
		return false;
	buffer[0] = (uint8_t)(len >> 8);
	buffer[1] = (uint8_t)len;
	memcpy(stream->out, buffer, 2 + len);
	stream->out_len = 2 + len;
	stream->out_from = 0;
	return stream_flush(stream);
}

/* 1 = asked or answered, 0 = it is not whole yet, -1 = over. */
static int stream_take(struct stream *stream)
{
	struct names *names = stream->member->lan->names;
	struct asked wish = { .member = stream->member, .stream = stream };
	size_t len = stream->have < 2 ? 0 : (size_t)(stream->in[0] << 8 | stream->in[1]), answer;

	if (stream->have < 2 || stream->have < 2 + len)
		return len > QUESTION_MAX ? -1 : 0;
	stream->ticks = 0;
	memcpy(names->buffer + 2, stream->in + 2, len);
	stream->have -= 2 + len;
	memmove(stream->in, stream->in + 2 + len, stream->have);
	answer = answer_here(stream->member, names->buffer + 2, len, ANSWER_MAX, wish.name);
	if (!answer && ask_others(&wish, names->buffer + 2, len)) {
		stream->asking = true;
		return 1;
	}
	if (!answer)
		answer = dns_fail(names->buffer + 2, len, DNS_FAILED);
	return stream_queue(stream, answer) ? 1 : -1;
}

/* Until it has to wait for somebody; false = it is over. */
static bool stream_go_on(struct stream *stream)
{
	struct err err = ERR_INIT;
	int r = 1;

	while (r > 0 && !stream->asking && !stream->out)
		r = stream_take(stream);
	if (stream->asking && r > 0)
		return loop_mod_fd(stream->source, 0, &err) == 0;
	return r >= 0;
}

static void stream_answer(struct stream *stream, size_t len)
{
	if (!stream_queue(stream, len) || !stream_go_on(stream))
		stream_free(stream);
}

static int on_stream(void *data, int fd, uint32_t events, struct err *err)
{
	struct stream *stream = data;
	ssize_t n;

	if (stream->out || stream->asking) {
		if ((events & (EPOLLERR | EPOLLHUP)) || !stream_flush(stream) ||
			!stream_go_on(stream))
			stream_free(stream);
		return 0;
	}
	n = recv(fd, stream->in + stream->have, sizeof(stream->in) - stream->have, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0)
		stream->have += (size_t)n;
	if (n <= 0 || !stream_go_on(stream))
		stream_free(stream);
	return 0;
}

void names_stream(struct member *member, int fd)
{
	struct names_member *asks = asks_of(member);
	struct err err = ERR_INIT;
	struct stream *stream = NULL;

	if (asks && asks->n_streams < NAMES_STREAMS)
		stream = calloc(1, sizeof(*stream));
	if (!stream) {
		(void)close(fd); /* nothing was said on it */
		return;
	}
	stream->member = member;
	stream->fd = fd;
	stream->next = asks->streams;
	asks->streams = stream;
	asks->n_streams++;
	if (loop_add_fd(member->lan->loop, fd, EPOLLIN, on_stream, stream, &stream->source, &err) <
		0)
		stream_free(stream);
}

/* ---- life ---- */

static void sweep(struct names_member *asks)
{
	struct stream *next;

	for (struct stream *stream = asks->streams; stream; stream = next) {
		next = stream->next;
		if (!stream->asking && ++stream->ticks > IDLE_TICKS)
			stream_free(stream);
	}
}

static int on_tick(void *data, struct err *err)
{
	struct lan *lan = data;

	for (struct member *member = lan->members; member; member = member->next) {
		if (member->asks)
			sweep(member->asks);
	}
	return 0;
}

int names_new(struct lan *lan, struct names **ret, struct err *err)
{
	struct names *names = calloc(1, sizeof(*names));
	int r;

	if (!names)
		return err_set(err, -ENOMEM, "out of memory");
	r = forward_new(lan->loop, &names->forward, err);
	if (r == 0)
		r = loop_add_timer(lan->loop, TICK_MS, TICK_MS, on_tick, lan, &names->tick, err);
	if (r < 0)
		names_free(names);
	else
		*ret = names;
	return r;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	loop_del(names->tick);
	forward_free(names->forward);
	free(names);
}

int names_join(struct member *member, const struct wire_server *servers, size_t n)
{
	struct names_member *asks = n ? asks_of(member) : NULL;

	if (n && !asks)
		return -ENOMEM;
	if (asks) {
		memcpy(asks->servers, servers, n * sizeof(*servers));
		asks->n_servers = n;
	}
	return 0;
}

void names_leave(struct member *member)
{
	struct names_member *asks = member->asks;

	if (!asks)
		return;
	while (asks->streams)
		stream_free(asks->streams);
	while (asks->asked) {
		struct asked *asked = asks->asked;

		forward_cancel(asked->query);
		asked_free(asked);
	}
	free(asks);
	member->asks = NULL;
}
