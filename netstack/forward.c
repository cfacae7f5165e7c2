/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "base/own.h"
#include "netstack/dns.h"
#include "netstack/servers.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define TICK_MS     200
#define FIRST_MS    1500 /* for an answer; then the next one is asked, */
#define SECOND_MS   3000 /* and all of them once more */
#define MESSAGE_MAX 65535
#define CASE_BYTES  32 /* a bit for each letter of a name */

struct forward_query {
	struct forward_query *next, **at;
	struct forward *forward;
	struct wire_server servers[SERVERS_MAX];
	size_t n_servers, first, tries;
	forward_fn fn;
	void *data;
	bool tcp, sent;
	int fd;
	struct loop_source *source;
	int64_t deadline;
	uint8_t *reply; /* TCP: two bytes of length, and as much as has come */
	size_t have;
	size_t len, end; /* of the question; end of its name, type and class */
	uint8_t bytes[]; /* as it was asked of us, then as it leaves, behind two bytes of length */
};

struct forward {
	struct loop *loop;
	struct loop_source *tick;
	bool ticking;
	struct servers host;
	size_t good; /* of the host's: who answered last */
	unsigned changes;
	struct forward_query *pending;
	unsigned n;
	uint8_t buffer[MESSAGE_MAX];
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail with this clock */
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static uint8_t *wire_of(struct forward_query *query)
{
	return query->bytes + query->len;
}

static void hang_up(struct forward_query *query)
{
	loop_del(query->source);
	query->source = NULL;
	fd_drop(&query->fd);
	free(query->reply);
	query->reply = NULL;
	query->have = 0;
	query->sent = false;
}

void forward_cancel(struct forward_query *query)
{
	if (!query)
		return;
	hang_up(query);
	*query->at = query->next;
	if (query->next)
		query->next->at = query->at;
	query->forward->n--;
	free(query);
}

/* What came back, made what was asked for; len 0: nobody answered. */
static void finish(struct forward_query *query, uint8_t *answer, size_t len)
{
	forward_fn fn = query->fn;
	void *data = query->data;

	if (!len) {
		answer = query->forward->buffer;
		memcpy(answer, query->bytes, query->len);
		len = dns_fail(answer, query->len, DNS_FAILED);
	} else { /* id, and the asker's own letters: dns_answers() has seen that they are there */
		memcpy(answer, query->bytes, 2);
		memcpy(answer + DNS_HEAD, query->bytes + DNS_HEAD, query->end - DNS_HEAD);
	}
	forward_cancel(query);
	fn(data, answer, len);
}

/* The second time round with the letters as they are: some resolvers do not keep ours. */
static int disguise(struct forward_query *query)
{
	uint8_t *wire = wire_of(query), random[2 + CASE_BYTES];

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		return -EAGAIN;
	wire[0] = (uint8_t)(query->len >> 8);
	wire[1] = (uint8_t)query->len;
	memcpy(wire + 2, query->bytes, query->len);
	memcpy(wire + 2, random, 2);
	if (query->tries < query->n_servers)
		dns_mix_case(wire + 2, query->len, random + 2, CASE_BYTES);
	return 0;
}

static int on_ready(void *data, int fd, uint32_t events, struct err *err);

static int try_server(struct forward_query *query)
{
	const struct wire_server *server =
		&query->servers[(query->first + query->tries) % query->n_servers];
	struct sockaddr_storage to;
	socklen_t len = servers_address(server, &to);
	struct err err = ERR_INIT;
	bool tcp = query->tcp;

	hang_up(query);
	TRY(disguise(query));
	query->deadline = now_ms() + (query->tries < query->n_servers ? FIRST_MS : SECOND_MS);
	query->fd = socket(
		server->family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (query->fd < 0)
		return -errno;
	if (connect(query->fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS)
		return -errno;
	if (!tcp && send(query->fd, wire_of(query) + 2, query->len, MSG_NOSIGNAL) < 0)
		return -errno;
	return loop_add_fd(query->forward->loop, query->fd, tcp ? EPOLLOUT : EPOLLIN, on_ready,
		query, &query->source, &err);
}

/* After a failure, or silence. */
static void try_next(struct forward_query *query)
{
	for (query->tries++; query->tries < query->n_servers * 2; query->tries++) {
		if (try_server(query) >= 0)
			return;
	}
	finish(query, NULL, 0);
}

/* "I cannot" of one resolver is no answer as long as another may have one. */
static bool is_last(const struct forward_query *query)
{
	return query->tries + 1 >= query->n_servers;
}

static void take(struct forward_query *query, uint8_t *answer, size_t len)
{
	struct forward *forward = query->forward;
	unsigned code;

	if (len < DNS_HEAD || !dns_answers(answer, len, wire_of(query) + 2, query->len))
		return; /* somebody else's, or a lie: the true one may still come */
	code = dns_code(answer);
	if ((code == DNS_FAILED || code == DNS_NOT_DONE || code == DNS_REFUSED) &&
		!is_last(query)) {
		try_next(query);
		return;
	}
	if (memcmp(query->servers, forward->host.list, sizeof(query->servers)) == 0)
		forward->good = (query->first + query->tries) % query->n_servers;
	finish(query, answer, len);
}

static int send_stream(struct forward_query *query)
{
	struct err err = ERR_INIT;

	/* a question fits into any send buffer */
	if (send(query->fd, wire_of(query), query->len + 2, MSG_NOSIGNAL) !=
		(ssize_t)query->len + 2)
		return -EIO;
	query->sent = true;
	query->reply = malloc(2 + MESSAGE_MAX);
	return query->reply ? loop_mod_fd(query->source, EPOLLIN, &err) : -ENOMEM;
}

/* 1 = a whole message is there. */
static int read_stream(struct forward_query *query)
{
	size_t want = query->have < 2 ? 2 : 2 + (size_t)(query->reply[0] << 8 | query->reply[1]);
	ssize_t n = recv(query->fd, query->reply + query->have, want - query->have, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	query->have += (size_t)n;
	if (query->have < 2)
		return 0;
	return query->have == 2 + (size_t)(query->reply[0] << 8 | query->reply[1]);
}

static void on_stream(struct forward_query *query)
{
	struct forward *forward = query->forward;
	int r = query->sent ? read_stream(query) : send_stream(query);

	if (r < 0) {
		try_next(query);
		return;
	}
	if (!query->sent || r == 0)
		return;
	if (!dns_answers(query->reply + 2, query->have - 2, wire_of(query) + 2, query->len)) {
		try_next(query);
		return;
	}
	memcpy(forward->buffer, query->reply + 2, query->have - 2);
	take(query, forward->buffer, query->have - 2);
}

static int on_ready(void *data, int fd, uint32_t events, struct err *err)
{
	struct forward_query *query = data;
	struct forward *forward = query->forward;
	ssize_t n;

	if (query->tcp) {
		on_stream(query);
		return 0;
	}
	n = recv(fd, forward->buffer, sizeof(forward->buffer), 0);
	if (n >= 0)
		take(query, forward->buffer, (size_t)n);
	else if (errno != EAGAIN && errno != EINTR)
		try_next(query); /* nobody listens there */
	return 0;
}

static void set_tick(struct forward *forward)
{
	struct err err = ERR_INIT;
	bool want = forward->n > 0;

	if (want != forward->ticking &&
		loop_set_timer(forward->tick, want ? TICK_MS : 0, want ? TICK_MS : 0, &err) == 0)
		forward->ticking = want;
}

static int on_tick(void *data, struct err *err)
{
	struct forward *forward = data;
	struct forward_query *next;
	int64_t now = now_ms();

	/* what is called back may ask anew, at the head; it never cancels another's question */
	for (struct forward_query *query = forward->pending; query; query = next) {
		next = query->next;
		if (now >= query->deadline)
			try_next(query);
	}
	set_tick(forward);
	return 0;
}

static void choose_servers(
	struct forward *forward, const struct forward_ask *ask, struct forward_query *query)
{
	if (ask->n_servers) {
		query->n_servers = ask->n_servers;
		memcpy(query->servers, ask->servers, ask->n_servers * sizeof(*ask->servers));
		return;
	}
	servers_follow(&forward->host, RESOLV_CONF);
	if (forward->changes != forward->host.changes || forward->good >= forward->host.n)
		forward->good = 0;
	forward->changes = forward->host.changes;
	query->n_servers = forward->host.n;
	query->first = forward->good;
	memcpy(query->servers, forward->host.list, sizeof(query->servers));
}

struct forward_query *forward_ask(struct forward *forward, const struct forward_ask *ask)
{
	char name[DNS_NAME];
	unsigned type;
	size_t end = dns_read_question(ask->question, ask->len, name, &type);
	struct forward_query *query = NULL;
	int r;

	if (end && forward->n < FORWARD_MAX && ask->n_servers <= SERVERS_MAX)
		query = calloc(1, sizeof(*query) + 2 * ask->len + 2);
	if (!query)
		return NULL;
	query->forward = forward;
	query->fn = ask->fn;
	query->data = ask->data;
	query->tcp = ask->tcp;
	query->fd = -EBADF;
	query->len = ask->len;
	query->end = end;
	memcpy(query->bytes, ask->question, ask->len);
	choose_servers(forward, ask, query);
	query->next = forward->pending;
	query->at = &forward->pending;
	if (query->next)
		query->next->at = &query->next;
	forward->pending = query;
	forward->n++;
	r = try_server(query);
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM) {
		forward_cancel(query);
		query = NULL;
	} else if (r < 0) {
		query->deadline = 0; /* unreachable: the tick asks the next one */
	}
	set_tick(forward);
	return query;
}

int forward_new(struct loop *loop, struct forward **ret, struct err *err)
{
	struct forward *forward = calloc(1, sizeof(*forward));
	int r;

	if (!forward)
		return err_set(err, -ENOMEM, "out of memory");
	forward->loop = loop;
	r = loop_add_timer(loop, 0, 0, on_tick, forward, &forward->tick, err);
	if (r < 0)
		forward_free(forward);
	else
		*ret = forward;
	return r;
}

void forward_free(struct forward *forward)
{
	if (!forward)
		return;
	while (forward->pending)
		forward_cancel(forward->pending);
	loop_del(forward->tick);
	free(forward);
}
