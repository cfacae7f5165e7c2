/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/control.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/own.h"
#include "netstack/outbound.h"
#include "netstack/relay.h"
#include "network/wire.h"

#define IDLE_MS    2500  /* after the last member: the next run within it starts nothing */
#define FIRST_MS   10000 /* for the starter to say what it wants */
#define RETRY_MS   100
#define HOLD_MS    1000
#define PACKET_FDS 10 /* more than we want, so that none is lost uncounted */

struct packet {
	uint8_t *data;
	size_t len;
	int fds[PACKET_FDS];
	size_t n_fds;
};

struct session {
	struct control *control;
	struct session *next;
	int fd;
	struct loop_source *source, *relay_source;
	struct member *member;
	struct published_list ports;
	struct relay relay;
	bool attached;
	struct packet held; /* its wish to join, while newcomers wait */
};

static void packet_done(struct packet *packet)
{
	for (size_t i = 0; i < packet->n_fds; i++)
		fd_drop(&packet->fds[i]);
	free(packet->data);
}

static void rest_when_empty(struct control *control, int64_t ms)
{
	struct err err = ERR_INIT;

	if (!control->sessions && loop_set_timer(control->idle, ms, 0, &err) < 0)
		log_err(&err);
}

static void session_end(struct session *session)
{
	struct control *control = session->control;
	struct session **at = &control->sessions;

	while (*at != session)
		at = &(*at)->next;
	*at = session->next;
	loop_del(session->source);
	loop_del(session->relay_source);
	published_close(&session->ports);
	relay_stop(&session->relay);
	lan_leave(session->member);
	fd_drop(&session->fd);
	packet_done(&session->held);
	free(session);
	rest_when_empty(control, IDLE_MS);
}

/* Returns the packet's length, 0 at the end, -errno. */
static int receive(int fd, struct packet *ret, struct err *err)
{
	char space[CMSG_SPACE(PACKET_FDS * sizeof(int))] __attribute__((aligned(8)));
	struct packet packet
		__attribute__((cleanup(packet_done))) = { .data = malloc(WIRE_PACKET_MAX) };
	struct iovec iov = { packet.data, WIRE_PACKET_MAX };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space) };
	ssize_t n;

	if (!packet.data)
		return err_set(err, -ENOMEM, "out of memory");
	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return err_sys(err, "read from a monitor");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
			count > PACKET_FDS - packet.n_fds)
			continue;
		memcpy(packet.fds + packet.n_fds, CMSG_DATA(c), count * sizeof(int));
		packet.n_fds += count;
	}
	if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return err_set(err, -EPROTO, "a monitor sent too much");
	packet.len = (size_t)n;
	*ret = packet;
	packet = (struct packet){ 0 };
	return (int)n;
}

const struct wire_join *control_check_join(const void *data, size_t len)
{
	const struct wire_join *join = data;

	if (len < sizeof(*join) || join->n_ports > WIRE_PORTS_MAX ||
		join->n_loopback > WIRE_LOOPBACK_MAX ||
		len != sizeof(*join) + join->n_ports * sizeof(join->ports[0]) ||
		!memchr(join->id, 0, sizeof(join->id)) || join->n_servers > WIRE_SERVERS_MAX ||
		!memchr(join->egress, 0, sizeof(join->egress)) ||
		!memchr(join->names, 0, sizeof(join->names)))
		return NULL;
	for (uint32_t i = 0; i < join->n_ports; i++) {
		const struct wire_port *port = &join->ports[i];

		if (port->proto > WIRE_UDP || !port->port ||
			(port->family && port->family != AF_INET && port->family != AF_INET6))
			return NULL;
	}
	for (uint16_t i = 0; i < join->n_servers; i++)
		if (join->servers[i].family != AF_INET && join->servers[i].family != AF_INET6)
			return NULL;
	return join;
}

static void fill_joined(const struct session *session, struct wire_joined *ret)
{
	const struct lan *lan = session->control->lan;
	const struct frame_port *port = &session->member->port;

	ret->address = port->address;
	ret->gateway = lan->addresses.gateway;
	ret->address6 = port->address6;
	ret->gateway6 = lan->addresses.gateway6;
	ret->mtu = (uint16_t)lan->mtu;
	ret->prefix = (uint8_t)__builtin_popcount(lan->addresses.mask.s_addr);
	memcpy(ret->mac, port->mac, sizeof(ret->mac));
	ret->n_ports = (uint32_t)session->ports.n;
	for (size_t i = 0; i < session->ports.n; i++)
		ret->host_ports[i] = session->ports.ports[i].host_port;
}

static void name_holder(
	const struct control *control, const struct wire_port *port, struct wire_joined *ret)
{
	for (const struct session *s = control->sessions; s; s = s->next) {
		if (s->member && published_holds(&s->ports, port)) {
			(void)snprintf(ret->holder, sizeof(ret->holder), "%s", s->member->names);
			ret->holder[strcspn(ret->holder, " ")] = '\0';
			return;
		}
	}
}

static int send_reply(const struct session *session, const void *data, size_t len, struct err *err)
{
	if (send(session->fd, data, len, MSG_NOSIGNAL) < 0)
		return err_sys(err, "answer a monitor");
	return 0;
}

static int join(struct session *session, const struct packet *packet, struct err *err)
{
	const struct wire_join *wish = control_check_join(packet->data, packet->len);
	autofree struct wire_joined *reply = calloc(1, sizeof(*reply));
	size_t failed = WIRE_NO_PORT;
	char names[sizeof(session->member->names)];
	struct lan_wish want = { .names = names };
	int r;

	if (!wish || session->member)
		return err_set(err, -EPROTO, "a monitor sent a damaged question");
	if (!reply)
		return err_set(err, -ENOMEM, "out of memory");
	reply->head = wire_head(WIRE_JOIN);
	(void)snprintf(names, sizeof(names), "%s %.12s", wish->names, wish->id);
	want.address = wish->want;
	want.exact = wish->exact;
	want.address6 = wish->want6;
	want.exact6 = wish->exact6;
	memcpy(want.mac, wish->mac, sizeof(want.mac));
	want.egress = wish->egress;
	want.servers = wish->servers;
	want.n_servers = wish->n_servers;
	r = lan_join(session->control->lan, &want, &session->member, &reply->err);
	if (r == 0) {
		memcpy(session->member->loopback, wish->loopback, sizeof(wish->loopback));
		session->member->n_loopback = wish->n_loopback;
	}
	if (r == 0)
		r = published_open(
			wish->ports, wish->n_ports, &session->ports, &failed, &reply->err);
	if (r == 0)
		reply->err = (struct err)ERR_INIT; /* of ports of a range that were taken */
	reply->failed_port = (uint32_t)failed;
	if (r == -EADDRINUSE && failed < wish->n_ports)
		name_holder(session->control, &wish->ports[failed], reply);
	if (r == 0)
		fill_joined(session, reply);
	return send_reply(session, reply,
		offsetof(struct wire_joined, host_ports) +
			reply->n_ports * sizeof(reply->host_ports[0]),
		err);
}

static int send_attached(struct session *session, const struct err *verdict, struct err *err)
{
	struct wire_attached reply = { .head = wire_head(WIRE_ATTACH), .err = *verdict };

	/* From here on only the relay holds the ports: its end is theirs. */
	published_hand_over(&session->ports);
	session->attached = true;
	return send_reply(session, &reply, sizeof(reply), err);
}

/* First the relay's verdict, which the monitor waits for; later only its end. That ends the session, for
 * the ports are gone: the monitor joins again, and gets another relay and the same ports. */
static int on_relay(void *data, int fd, uint32_t events, struct err *err)
{
	struct session *session = data;
	struct err verdict = ERR_INIT, unsent = ERR_INIT;
	int r = relay_verdict(&session->relay, &verdict);

	if (r < 0) {
		log_err(&verdict);
		loop_del(session->relay_source);
		session->relay_source = NULL;
		relay_stop(&session->relay);
	}
	if (session->attached || send_attached(session, &verdict, &unsent) < 0)
		session_end(session);
	return 0;
}

static int start_relay(
	struct session *session, const struct packet *packet, uint32_t flags, struct err *err)
{
	struct relay_config config = {
		.userns = packet->fds[1],
		.netns = packet->fds[2],
		.inside = { .address = session->member->port.address,
			.address6 = session->member->port.address6,
			.gateway = session->control->lan->addresses.gateway,
			.gateway6 = session->control->lan->addresses.gateway6,
			.keep_clients = flags & WIRE_REPLIES4,
			.keep_clients6 = flags & WIRE_REPLIES6,
			.keep_datagrams = flags & WIRE_DATAGRAMS4,
			.keep_datagrams6 = flags & WIRE_DATAGRAMS6 },
		.ports = &session->ports,
	};

	TRY(relay_start(&config, &session->relay, err));
	return loop_add_fd(session->control->loop, session->relay.sock, EPOLLIN, on_relay, session,
		&session->relay_source, err);
}

/* What comes behind the three that are always there. */
static struct outbound_gear take_gear(struct packet *packet, uint32_t flags, int log[2])
{
	struct outbound_gear gear = { .listener = { -EBADF, -EBADF }, .queue = -EBADF };
	size_t i = WIRE_ATTACH_FDS;

	if (flags & WIRE_LISTEN4)
		gear.listener[0] = move_fd(&packet->fds[i++]);
	if (flags & WIRE_LISTEN6)
		gear.listener[1] = move_fd(&packet->fds[i++]);
	if (flags & WIRE_QUEUE)
		gear.queue = move_fd(&packet->fds[i++]);
	if (flags & WIRE_LOG) {
		log[0] = move_fd(&packet->fds[i++]);
		log[1] = move_fd(&packet->fds[i]);
	}
	return gear;
}

static const struct wire_attach *check_attach(const struct packet *packet)
{
	const struct wire_attach *attach = (const void *)packet->data;
	const uint32_t one_each = WIRE_LISTEN4 | WIRE_LISTEN6 | WIRE_QUEUE;

	if (packet->len != sizeof(*attach) ||
		packet->n_fds != WIRE_ATTACH_FDS +
					 (size_t)__builtin_popcount(attach->flags & one_each) +
					 (attach->flags & WIRE_LOG ? 2 : 0))
		return NULL;
	return attach;
}

static int attach(struct session *session, struct packet *packet, struct err *err)
{
	const struct wire_attach *question = check_attach(packet);
	struct outbound_gear gear;
	struct err verdict = ERR_INIT;
	int tap, log[2] = { -EBADF, -EBADF }, r;

	if (!question || !session->member || session->member->tap >= 0)
		return err_set(err, -EPROTO, "a monitor sent a damaged hand-over");
	session->member->asks_others = question->flags & WIRE_MORE;
	gear = take_gear(packet, question->flags, log);
	if (question->flags & WIRE_LOG)
		lan_keep_log(session->member, log);
	tap = move_fd(&packet->fds[0]);
	r = fcntl(tap, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ? err_sys(&verdict, "set up the tap") : 0;
	if (r == 0)
		r = lan_adopt_tap(session->member, tap, &verdict);
	else
		(void)close(tap); /* not taken over */
	if (r == 0)
		r = lan_open_way(session->member, &gear, &verdict);
	else
		outbound_gear_done(&gear);
	if (r == 0 && session->ports.n)
		r = start_relay(session, packet, question->flags, &verdict);
	if (r == 0 && session->ports.n)
		return 0; /* on_relay() answers */
	return send_attached(session, &verdict, err);
}

/* True when it has to wait; on_hold_over() goes on. */
static bool hold(struct session *session, struct packet *packet)
{
	const struct wire_join *wish = control_check_join(packet->data, packet->len);

	if (!session->control->holding || !wish || wish->recovers || session->held.data)
		return false;
	session->held = *packet;
	*packet = (struct packet){ 0 };
	return true;
}

static int on_hold_over(void *data, struct err *err)
{
	struct control *control = data;
	struct session *next;

	control->holding = false;
	for (struct session *session = control->sessions; session; session = next) {
		struct packet packet __attribute__((cleanup(packet_done))) = session->held;
		struct err bad = ERR_INIT;

		next = session->next;
		session->held = (struct packet){ 0 };
		if (packet.data && join(session, &packet, &bad) < 0) {
			log_err(&bad);
			session_end(session);
		}
	}
	return 0;
}

static int handle(struct session *session, struct packet *packet, struct err *err)
{
	const struct wire_head *head = (const void *)packet->data;

	if (packet->len < sizeof(*head) || head->magic != WIRE_MAGIC)
		return err_set(err, -EPROTO, "what called is no monitor");
	if (head->version !=
		WIRE_VERSION) { /* sbx was replaced meanwhile: the head tells it to say so */
		const struct wire_head ours = wire_head(WIRE_JOIN);

		(void)send(session->fd, &ours, sizeof(ours), MSG_NOSIGNAL | MSG_DONTWAIT);
		return err_set(err, -EPROTO, "a monitor of another version called");
	}
	switch (head->op) {
	case WIRE_JOIN:
		return hold(session, packet) ? 0 : join(session, packet, err);
	case WIRE_ATTACH:
		return attach(session, packet, err);
	default:
		return err_set(err, -EPROTO, "a monitor asked for the unknown (%u)", head->op);
	}
}

static int on_session(void *data, int fd, uint32_t events, struct err *err)
{
	struct session *session = data;
	struct packet packet __attribute__((cleanup(packet_done))) = { 0 };
	struct err bad = ERR_INIT;
	int r = receive(fd, &packet, &bad);

	if (r > 0)
		r = handle(session, &packet, &bad) < 0 ? bad.code : 1;
	if (r < 0 && r != -EAGAIN && r != -ECONNRESET)
		log_err(&bad);
	if (r <= 0 && r != -EAGAIN)
		session_end(session);
	return 0; /* a bad monitor never ends the network */
}

static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == getuid();
}

static int session_new(struct control *control, int *fd, struct err *err)
{
	struct session *session;
	int r;

	if (!is_ours(*fd))
		return err_set(err, -EACCES, "refused a caller of another user");
	session = calloc(1, sizeof(*session));
	if (!session)
		return err_set(err, -ENOMEM, "out of memory");
	*session = (struct session){ .control = control, .fd = *fd, .relay = RELAY_INIT };
	r = loop_add_fd(control->loop, *fd, EPOLLIN, on_session, session, &session->source, err);
	if (r < 0) {
		free(session);
		return r;
	}
	(void)move_fd(fd); /* the session's */
	session->next = control->sessions;
	control->sessions = session;
	return 0;
}

/* True when somebody came. */
static bool accept_one(struct control *control)
{
	autofd int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct err err = ERR_INIT;

	if (fd < 0)
		return false;
	if (session_new(control, &fd, &err) < 0)
		log_err(&err);
	return true;
}

static int on_listener(void *data, int fd, uint32_t events, struct err *err)
{
	(void)accept_one(data);
	return 0;
}

/* Leaves under the starters' lock, so that none of them connects to a socket about to vanish
 * without noticing; one that did before the lock gets a hang-up and asks again. */
static int on_idle(void *data, struct err *err)
{
	struct control *control = data;
	int lock;

	if (control->sessions)
		return 0;
	lock = openat(control->dir, WIRE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return err_sys(err, "open the network's lock");
	if (flock(lock, LOCK_EX | LOCK_NB) < 0 || accept_one(control)) {
		(void)close(lock);
		rest_when_empty(control, RETRY_MS);
		return 0;
	}
	(void)unlinkat(control->dir, WIRE_CONTROL, 0); /* a stale one would be replaced as well */
	loop_quit(control->loop, 0);
	return 0; /* the lock ends with the process */
}

int control_init(struct control *control, struct loop *loop, struct lan *lan, struct err *err)
{
	*control = (struct control){
		.loop = loop, .lan = lan, .listener = WIRE_CONTROL_FD, .dir = WIRE_DIR_FD
	};
	TRY(loop_add_timer(loop, FIRST_MS, 0, on_idle, control, &control->idle, err));
	return loop_add_fd(
		loop, control->listener, EPOLLIN, on_listener, control, &control->source, err);
}

int control_hold(struct control *control, struct err *err)
{
	control->holding = true;
	return loop_add_timer(
		control->loop, HOLD_MS, 0, on_hold_over, control, &control->hold, err);
}

void control_done(struct control *control)
{
	while (control->sessions)
		session_end(control->sessions);
	loop_del(control->source);
	loop_del(control->idle);
	loop_del(control->hold);
}
