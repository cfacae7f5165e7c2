/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stream.h. Invariants: `readable` and `writable` are what the edge-triggered events said, until a
 * call says EAGAIN; a direction holds bytes either in `rest` or in its pipe, and reads no more until
 * those are gone; a connection on the dead list has no sockets.
 */
#include "netstack/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "netstack/inside.h"

#define PIPE_SIZE  (1 << 20)
#define PIPES_MAX  48 /* of 1 MiB: under the default of pipe-user-pages-soft, 64 MiB */
#define TO_SPLICE  4  /* full buffers in a row before a direction is spliced */
#define TO_COPY    16 /* small splices in a row before it is copied again */
#define SMALL      16384
#define PEEK_MAX   16384
#define EVENT_MASK (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET)

struct pipe {
	struct pipe *next;
	int out, in;
};

struct pipes {
	struct pipe *spare;
	unsigned n;
};

struct end {
	enum carry_kind kind;
	int side;
	int fd;
	bool readable, writable;
	bool no_short; /* a short read does not mean empty: end of file or urgent data is queued */
	bool eof;      /* nothing more comes from here */
	bool shut;     /* we said so to this side */
};

struct way { /* from end[i] to end[!i] */
	uint8_t *rest;
	size_t from, len;
	struct pipe *pipe;
	size_t piped;
	unsigned streak; /* full buffers while copying, small reads while splicing */
	uint64_t total;
};

struct conn {
	struct end end[2]; /* 0 = the host's side, 1 = the container's */
	struct way way[2];
	struct stream_owner *owner;
	union syn_address client; /* for another try elsewhere in the container; */
	uint16_t port;            /* 0 on the way out */
	unsigned attempt;         /* the next one, inside.h */
	bool connecting, dead, is_busy;
	struct conn *next;
};

static struct conn *conn_of(enum carry_kind *object)
{
	struct end *end = (struct end *)(void *)object;

	return (struct conn *)(void *)(end - end->side);
}

static void pipe_give(struct carry *carry, struct way *way)
{
	struct pipe *pipe = way->pipe;

	if (!pipe)
		return;
	way->pipe = NULL;
	if (way->piped) { /* what is in it belongs to nobody now */
		fd_drop(&pipe->in);
		fd_drop(&pipe->out);
		free(pipe);
		carry->pipes->n--;
		way->piped = 0;
		return;
	}
	pipe->next = carry->pipes->spare;
	carry->pipes->spare = pipe;
}

static bool pipe_new(struct carry *carry, struct way *way)
{
	struct pipe *pipe;
	int fds[2];

	if (carry->pipes->n >= PIPES_MAX)
		return false;
	pipe = malloc(sizeof(*pipe));
	if (!pipe)
		return false;
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		free(pipe);
		return false;
	}
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE); /* a smaller one works as well, only slower */
	*pipe = (struct pipe){ .out = fds[0], .in = fds[1] };
	carry->pipes->n++;
	way->pipe = pipe;
	return true;
}

static bool pipe_take(struct carry *carry, struct way *way)
{
	struct pipe *spare;

	if (!carry->pipes) {
		carry->pipes = calloc(1, sizeof(*carry->pipes));
		if (!carry->pipes)
			return false;
	}
	spare = carry->pipes->spare;
	if (!spare)
		return pipe_new(carry, way);
	carry->pipes->spare = spare->next;
	way->pipe = spare;
	return true;
}

static void drop_rest(struct carry *carry, struct way *way)
{
	if (!way->rest)
		return;
	carry->kept -= way->len;
	free(way->rest);
	way->rest = NULL;
}

static void conn_close(struct carry *carry, struct conn *conn, bool reset)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (conn->dead)
		return;
	for (int i = 0; i < 2; i++) {
		if (reset) /* close() then sends RST */
			(void)setsockopt(conn->end[i].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		if (carry->source && conn->end[i].fd >= 0) /* a relay just forked may hold it too */
			(void)carry_watch(carry, EPOLL_CTL_DEL, conn->end[i].fd, 0, NULL);
		fd_drop(&conn->end[i].fd);
		pipe_give(carry, &conn->way[i]);
		drop_rest(carry, &conn->way[i]);
	}
	conn->dead = true;
	if (conn->owner) {
		conn->owner->bytes[0] = conn->way[0].total;
		conn->owner->bytes[1] = conn->way[1].total;
		conn->owner->closed(conn->owner);
		conn->owner = NULL;
	}
	if (!conn->is_busy) { /* else stream_turn() finds it on the other list */
		conn->next = carry->dead;
		carry->dead = conn;
	}
}

/* -EAGAIN is no failure: the edge will come. */
static int soft(struct end *end, bool *flag)
{
	if (errno == EINTR)
		return 0;
	if (errno != EAGAIN)
		return -errno;
	*flag = false;
	(void)end;
	return 0;
}

static int flush_rest(struct carry *carry, struct way *way, struct end *to)
{
	ssize_t n = send(to->fd, way->rest + way->from, way->len - way->from, MSG_NOSIGNAL);

	if (n < 0)
		return soft(to, &to->writable);
	way->from += (size_t)n;
	if (way->from == way->len)
		drop_rest(carry, way);
	return 0;
}

static int flush_pipe(struct way *way, struct end *to)
{
	ssize_t n = splice(
		way->pipe->out, NULL, to->fd, NULL, way->piped, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return soft(to, &to->writable);
	way->piped -= (size_t)n;
	return 0;
}

static int keep_rest(struct carry *carry, struct way *way, const uint8_t *data, size_t len)
{
	way->rest = malloc(len);
	if (!way->rest)
		return -ENOMEM;
	memcpy(way->rest, data, len);
	way->from = 0;
	way->len = len;
	carry->kept += len;
	return 0;
}

/* Much is kept already: what cannot be sent on stays in the socket, at the cost of one call more. */
static bool is_tight(const struct carry *carry)
{
	return carry->kept >= CARRY_KEPT_MAX;
}

static int copy_tight(struct carry *carry, struct way *way, struct end *from, struct end *to)
{
	ssize_t n = recv(from->fd, carry->buffer, sizeof(carry->buffer), MSG_PEEK), sent;

	if (n < 0)
		return soft(from, &from->readable);
	if (n == 0) {
		from->eof = true;
		return 0;
	}
	sent = send(to->fd, carry->buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0)
		return soft(to, &to->writable);
	way->total += (uint64_t)sent;
	/* of TCP, drops without a copy; it is there, as was just seen */
	return recv(from->fd, NULL, (size_t)sent, MSG_TRUNC) == sent ? 0 : -EIO;
}

static int copy(struct carry *carry, struct way *way, struct end *from, struct end *to)
{
	ssize_t n = recv(from->fd, carry->buffer, sizeof(carry->buffer), 0), sent;

	if (n < 0)
		return soft(from, &from->readable);
	if (n == 0) {
		from->eof = true;
		return 0;
	}
	way->total += (uint64_t)n;
	way->streak = n == sizeof(carry->buffer) ? way->streak + 1 : 0;
	if (n < (ssize_t)sizeof(carry->buffer) && !from->no_short)
		from->readable = false; /* it was all there is: saves the read that says so */
	sent = send(to->fd, carry->buffer, (size_t)n, MSG_NOSIGNAL);
	if (sent < 0) {
		TRY(soft(to, &to->writable));
		sent = 0;
	}
	if (way->streak >= TO_SPLICE && pipe_take(carry, way))
		way->streak = 0;
	return sent < n ? keep_rest(carry, way, carry->buffer + sent, (size_t)(n - sent)) : 0;
}

static int splice_in(struct carry *carry, struct way *way, struct end *from)
{
	ssize_t n = splice(
		from->fd, NULL, way->pipe->in, NULL, PIPE_SIZE, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return soft(from, &from->readable);
	if (n == 0)
		from->eof = true;
	way->piped = (size_t)n;
	way->total += (uint64_t)n;
	way->streak = n < SMALL ? way->streak + 1 : 0;
	return 0;
}

/* 1 = go on, 0 = wait for more. Nothing is taken from the socket: what is seen is what goes. */
static int peek(struct carry *carry, struct conn *conn)
{
	struct end *from = &conn->end[0];
	ssize_t n = recv(from->fd, carry->buffer, PEEK_MAX, MSG_PEEK);
	int r;

	if (n < 0)
		return soft(from, &from->readable);
	r = n ? conn->owner->peek(conn->owner->peek_data, carry->buffer, (size_t)n) : 1;
	if (r == 0 && from->no_short)
		r = -1; /* no more comes */
	if (r < 0)
		return -ECONNREFUSED;
	if (r == 0)
		from->readable = false; /* more bytes are another edge */
	else
		conn->owner->peek = NULL;
	return r;
}

/* One step of one direction; 1 = there may be more to do, 0 = wait for an event. */
static int step(struct carry *carry, struct conn *conn, int side)
{
	struct end *from = &conn->end[side], *to = &conn->end[!side];
	struct way *way = &conn->way[side];

	if (way->rest || way->piped) {
		if (!to->writable)
			return 0;
		TRY(way->rest ? flush_rest(carry, way, to) : flush_pipe(way, to));
		return 1;
	}
	if (from->eof) {
		/* the second one is what close() says */
		if (!to->shut && !from->shut && shutdown(to->fd, SHUT_WR) < 0)
			return -errno;
		to->shut = true;
		return 0;
	}
	if (!from->readable || (!to->writable && is_tight(carry)))
		return 0;
	if (side == 0 && conn->owner && conn->owner->peek)
		return peek(carry, conn);
	if (way->pipe && way->streak >= TO_COPY) {
		pipe_give(carry, way);
		way->streak = 0;
	}
	if (way->pipe)
		TRY(splice_in(carry, way, from));
	else
		TRY(is_tight(carry) ? copy_tight(carry, way, from, to)
				    : copy(carry, way, from, to));
	return 1;
}

static bool is_over(const struct conn *conn)
{
	return conn->end[0].shut && conn->end[1].shut;
}

/* Both directions until they wait or had their share. */
static void pump(struct carry *carry, struct conn *conn)
{
	int more = 1;

	for (int i = 0; i < carry->rounds && more; i++) {
		more = 0;
		for (int side = 0; side < 2; side++) {
			int r = step(carry, conn, side);

			if (r < 0) {
				conn_close(carry, conn, true);
				return;
			}
			more |= r;
		}
	}
	if (is_over(conn)) {
		conn_close(carry, conn, false);
	} else if (more && !conn->is_busy) {
		conn->is_busy = true;
		conn->next = carry->busy;
		carry->busy = conn;
	}
}

struct conn *stream_join(struct carry *carry, const struct stream_pair *pair)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		(void)close(pair->fds[0]); /* out of memory: the peers see a close */
		(void)close(pair->fds[1]);
		return NULL;
	}
	for (int i = 0; i < 2; i++)
		conn->end[i] = (struct end){ .kind = CARRY_STREAM, .side = i, .fd = pair->fds[i] };
	conn->connecting = pair->connecting;
	for (int i = 0; i < 2; i++) {
		if (carry_watch(carry, EPOLL_CTL_ADD, conn->end[i].fd, EVENT_MASK,
			    &conn->end[i].kind) < 0) {
			conn_close(carry, conn, true);
			return NULL;
		}
	}
	conn->owner = pair->owner;
	return conn;
}

void stream_kill(struct carry *carry, struct conn *conn)
{
	conn_close(carry, conn, true);
}

void stream_adopt(struct carry *carry, int fd, const union syn_address *client, uint16_t port)
{
	const struct linger now = { .l_onoff = 1 };
	struct stream_pair pair = { .fds = { fd } };
	unsigned attempt = 0;
	struct conn *conn;

	pair.fds[1] = inside_connect(&carry->inside, client, port, &attempt, &pair.connecting);
	if (inside_is_shortage(pair.fds[1])) {
		carry->paused = true;
		carry->held = (struct carry_held){ true, fd, *client, port };
		return;
	}
	if (pair.fds[1] < 0) {
		/* refused inside is refused outside */
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		(void)close(fd);
		return;
	}
	conn = stream_join(carry, &pair); /* else both are closed */
	if (conn) {
		conn->client = *client;
		conn->port = port;
		conn->attempt = attempt;
		pace_settle(&carry->pace, fd);
	}
}

/* Refused where we asked: somebody may listen elsewhere inside. */
static bool try_next(struct carry *carry, struct conn *conn)
{
	int fd;

	if (!conn->port)
		return false;
	fd = inside_connect(
		&carry->inside, &conn->client, conn->port, &conn->attempt, &conn->connecting);
	if (fd < 0)
		return false;
	fd_drop(&conn->end[1].fd);
	conn->end[1].fd = fd;
	return carry_watch(carry, EPOLL_CTL_ADD, fd, EVENT_MASK, &conn->end[1].kind) == 0;
}

/* 0 = go on with the event, 1 = wait for another one, or why not. */
static int finish_connect(struct carry *carry, struct conn *conn, uint32_t events)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (events & EPOLLOUT)
		conn->connecting = false;
	if ((events & EPOLLOUT) && !(events & (EPOLLERR | EPOLLHUP))) {
		if (!conn->port) /* the host's; a container's network paces nothing */
			pace_settle(&carry->pace, conn->end[1].fd);
		return 0;
	}
	if (getsockopt(conn->end[1].fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		return -errno;
	if (error == ECONNREFUSED && try_next(carry, conn))
		return 1;
	return error ? -error : 0;
}

void stream_event(struct carry *carry, enum carry_kind *object, uint32_t events)
{
	struct conn *conn = conn_of(object);
	struct end *end = (struct end *)(void *)object;
	int r = 0;

	if (conn->dead)
		return;
	if (conn->connecting && end->side == 1)
		r = finish_connect(carry, conn, events);
	if (r < 0)
		conn_close(carry, conn, true);
	if (r != 0)
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
		end->readable = true;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		end->writable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI))
		end->no_short = true;
	if (!conn->connecting)
		pump(carry, conn);
}

void stream_turn(struct carry *carry)
{
	struct conn *busy = carry->busy;

	carry->busy = NULL;
	while (busy) {
		struct conn *conn = busy;

		busy = conn->next;
		conn->is_busy = false;
		if (conn->dead) {
			conn->next = carry->dead;
			carry->dead = conn;
		} else {
			pump(carry, conn);
		}
	}
	carry->freed = carry->freed || carry->dead;
	while (carry->dead) {
		struct conn *conn = carry->dead;

		carry->dead = conn->next;
		free(conn);
	}
}

void stream_free_pipes(struct carry *carry)
{
	while (carry->pipes && carry->pipes->spare) {
		struct pipe *pipe = carry->pipes->spare;

		carry->pipes->spare = pipe->next;
		fd_drop(&pipe->in);
		fd_drop(&pipe->out);
		free(pipe);
	}
	free(carry->pipes);
	carry->pipes = NULL;
}
