/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/lan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/own.h"
#include "netstack/frame6.h"
#include "netstack/gate.h"
#include "netstack/judge.h"
#include "netstack/lan6.h"
#include "netstack/names.h"
#include "netstack/names_tcp.h"
#include "netstack/outbound.h"

#define CLOSER_STACK    (64 * 1024)
#define FRAMES_PER_TURN 64 /* then the other members have their turn */

/* The last byte: spreads addresses given in order, and MACs made of them. */
static unsigned bucket_of(struct in_addr addr)
{
	return ntohl(addr.s_addr) % LAN_BUCKETS;
}

struct member *lan_find_address(const struct lan *lan, struct in_addr address)
{
	struct member *member = lan->by_address[bucket_of(address)];

	while (member && member->port.address.s_addr != address.s_addr)
		member = member->next_address;
	return member;
}

struct member *lan_find_mac(const struct lan *lan, const uint8_t mac[6])
{
	struct member *member = lan->by_mac[mac[5]];

	while (member && memcmp(member->port.mac, mac, 6) != 0)
		member = member->next_mac;
	return member;
}

/* A full queue or a tap on its way down loses the frame, as a wire would. */
void lan_send(const struct member *member, const uint8_t *frame, size_t len)
{
	if (member->tap >= 0 && write(member->tap, frame, len) < 0)
		return;
}

static void flood(const struct member *from, const uint8_t *frame, size_t len)
{
	const struct lan *lan = from->lan;

	for (const struct member *to = lan->members; to; to = to->next) {
		if (to != from)
			lan_send(to, frame, len);
	}
}

static struct member *find_receiver(const struct lan *lan, uint8_t *head, size_t len)
{
	if (frame_type(head, len) == FRAME_IPV6) {
		const struct in6_addr to = frame6_target(head, len);

		return lan6_find(lan, &to);
	}
	return lan_find_address(lan, frame_answer(head, len, &lan->addresses));
}

/* From libslirp, which may not know a member's MAC yet: the address decides. */
static void send_down(
	void *data, uint8_t *head, size_t head_len, const uint8_t *rest, size_t rest_len)
{
	struct lan *lan = data;
	struct member *member = find_receiver(lan, head, head_len);
	struct iovec iov[2] = { { head, head_len }, { (void *)(uintptr_t)rest, rest_len } };

	if (!member || member->tap < 0)
		return;
	gate_down(member, head, head_len, head_len + rest_len);
	if (!frame_is_group(head))
		memcpy(head, member->port.mac, 6);
	if (writev(member->tap, iov, rest_len ? 2 : 1) < 0)
		return; /* lost, as in lan_send() */
}

/* No packet is sent to find it. */
bool lan_find_host(struct in_addr *ret)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(9) };
	socklen_t len = sizeof(sin);
	autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(0xc6336401); /* 198.51.100.1, a documentation address */
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
		getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		return false;
	*ret = sin.sin_addr;
	return true;
}

/* Without an uplink libslirp may only say who and that the gateway is. */
static bool may_go_up(const struct lan *lan, const uint8_t *frame)
{
	return !lan->internal || (frame[FRAME_HEAD + 9] == IPPROTO_ICMP &&
					 memcmp(frame + FRAME_HEAD + 16, &lan->addresses.gateway,
						 sizeof(lan->addresses.gateway)) == 0);
}

static void send_up(struct member *from, size_t len)
{
	struct lan *lan = from->lan;
	uint8_t *frame = lan->frame;

	switch (frame_type(frame, len)) {
	case FRAME_ARP:
		if (!frame_is_group(frame) || frame_asks_gateway(frame, len, &lan->addresses))
			stack_input_of(lan->stack, &from->share, frame, len);
		return;
	case FRAME_IPV4:
		if (!frame_is_group(frame) &&
			frame_clean(frame, &len, &lan->addresses, &from->frags) &&
			!names_frame(from, len) && !names_tcp_frame(from, len) &&
			may_go_up(lan, frame) && gate_up(from, len))
			stack_input_of(lan->stack, &from->share, frame, len);
		return;
	case FRAME_IPV6:
		if (lan6_may_go_up(lan, frame, &len) && gate_up(from, len))
			stack_input_of(lan->stack, &from->share, frame, len);
		return;
	case FRAME_OTHER:
		return;
	}
}

void lan_forward(struct member *from, size_t len)
{
	struct lan *lan = from->lan;
	struct member *to;

	if (!frame_is_members_own(lan->frame, len, &from->port))
		return;
	if (frame_is_group(lan->frame)) {
		flood(from, lan->frame, len);
		send_up(from, len);
		return;
	}
	to = lan_find_mac(lan, lan->frame);
	if (to)
		lan_send(to, lan->frame, len);
	else
		send_up(from, len);
}

static int on_tap(void *data, int fd, uint32_t events, struct err *err)
{
	struct member *member = data;
	struct lan *lan = member->lan;

	for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
		ssize_t n = read(fd, lan->frame, sizeof(lan->frame));

		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			loop_del(member->source); /* the namespace is gone; its monitor will tell */
			member->source = NULL;
		}
		if (n <= 0)
			break;
		lan_forward(member, (size_t)n);
	}
	return stack_settle(lan->stack, err);
}

static struct in_addr plus(struct in_addr address, uint32_t n)
{
	return (struct in_addr){ htonl(ntohl(address.s_addr) + n) };
}

int lan_reserve(struct lan_config *config, const char *address, struct err *err)
{
	struct lan_reserved *reserved = &config->reserved;
	struct in6_addr v6;
	struct in_addr v4;

	if (reserved->n == LAN_RESERVED)
		return err_set(err, -E2BIG, "more than %d addresses are reserved", LAN_RESERVED);
	if (inet_pton(AF_INET, address, &v4) == 1)
		v6 = egress_from_v4(v4);
	else if (inet_pton(AF_INET6, address, &v6) != 1)
		return err_set(err, -EINVAL, "'%s' is no address", address);
	reserved->list[reserved->n++] = v6;
	return 0;
}

bool lan_is_reserved(const struct lan *lan, const struct in6_addr *address)
{
	for (size_t i = 0; i < lan->reserved.n; i++) {
		if (memcmp(&lan->reserved.list[i], address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

int lan_init(struct lan *lan, struct loop *loop, const struct lan_config *config, struct err *err)
{
	uint32_t hosts = UINT32_MAX >> config->prefix, range = UINT32_MAX >> config->range_prefix;
	struct in_addr network = { config->gateway.s_addr & htonl(~hosts) };
	struct stack_config stack;

	*lan = (struct lan){ .loop = loop,
		.mtu = config->mtu ? config->mtu : LAN_MTU,
		.internal = config->internal,
		.reserved = config->reserved,
		.first = plus(network, 1),
		.last = plus(network, hosts - 1) };
	if (config->range_prefix > config->prefix) {
		lan->first = config->range;
		lan->last = plus(config->range, range);
	}
	lan->addresses.network = network;
	lan->addresses.mask.s_addr = htonl(~hosts);
	lan->addresses.gateway = config->gateway;
	lan->addresses.gateway6 = config->gateway6;
	lan->addresses.nameserver = plus(network, hosts - 1);
	if (lan->addresses.nameserver.s_addr == config->gateway.s_addr)
		lan->addresses.nameserver = plus(network, hosts - 2);
	stack = (struct stack_config){
		.lan = lan->addresses, .mtu = lan->mtu, .send = send_down, .data = lan
	};
	TRY(names_new(lan, &lan->names, err));
	return stack_new(loop, &stack, &lan->stack, err);
}

void lan_done(struct lan *lan)
{
	while (lan->members)
		lan_leave(lan->members);
	outbound_free(lan->outbound);
	lan->outbound = NULL;
	names_free(lan->names);
	lan->names = NULL;
	stack_free(lan->stack);
	lan->stack = NULL;
}

/* Could a member have it, if nobody else had? */
static bool is_for_members(const struct lan *lan, struct in_addr address)
{
	const struct frame_lan *all = &lan->addresses;
	uint32_t host = ntohl(address.s_addr & ~all->mask.s_addr);

	return (address.s_addr & all->mask.s_addr) == all->network.s_addr && host != 0 &&
	       host != ntohl(~all->mask.s_addr) && address.s_addr != all->gateway.s_addr &&
	       address.s_addr != all->nameserver.s_addr;
}

static bool is_free(const struct lan *lan, struct in_addr address)
{
	const struct in6_addr mapped = egress_from_v4(address);

	return is_for_members(lan, address) && !lan_find_address(lan, address) &&
	       !lan_is_reserved(lan, &mapped);
}

static int choose_address(
	const struct lan *lan, const struct lan_wish *wish, struct in_addr *ret, struct err *err)
{
	char text[INET_ADDRSTRLEN];

	*ret = wish->address;
	if (wish->address.s_addr && is_free(lan, wish->address))
		return 0;
	if (wish->exact) {
		(void)inet_ntop(AF_INET, &wish->address, text, sizeof(text)); /* cannot fail */
		return is_for_members(lan, wish->address)
			       ? err_set(err, -EADDRINUSE, "address %s is already in use", text)
			       : err_set(err, -EINVAL,
					 "address %s is not for containers of this network", text);
	}
	for (*ret = lan->first; ntohl(ret->s_addr) <= ntohl(lan->last.s_addr);
		*ret = plus(*ret, 1)) {
		if (is_free(lan, *ret))
			return 0;
	}
	return err_set(err, -EADDRNOTAVAIL, "the network is full: all of its addresses are taken");
}

static int choose_mac(const struct lan *lan, const struct lan_wish *wish, struct in_addr address,
	uint8_t ret[6], struct err *err)
{
	static const uint8_t none[6];
	bool given = memcmp(wish->mac, none, 6) != 0;

	ret[0] = 0x02; /* locally administered */
	ret[1] = 0x53;
	memcpy(ret + 2, &address, 4);
	if (given)
		memcpy(ret, wish->mac, 6);
	/* 52:55 and an address is what libslirp calls itself */
	if ((ret[0] & 1) || (ret[0] == 0x52 && ret[1] == 0x55))
		return err_set(err, -EINVAL, "this MAC address cannot be a container's");
	return lan_find_mac(lan, ret) ? err_set(err, -EADDRINUSE,
						"the MAC address is already in use on this network")
				      : 0;
}

static void add_member(struct lan *lan, struct member *member)
{
	struct member **mac = &lan->by_mac[member->port.mac[5]],
		      **address = &lan->by_address[bucket_of(member->port.address)];

	member->next = lan->members;
	member->next_mac = *mac;
	member->next_address = *address;
	lan->members = *mac = *address = member;
	lan->n_members++;
	lan6_add(member);
}

static void remove_member(struct member *member)
{
	struct lan *lan = member->lan;
	struct member **all = &lan->members, **mac = &lan->by_mac[member->port.mac[5]],
		      **address = &lan->by_address[bucket_of(member->port.address)];

	while (*all != member)
		all = &(*all)->next;
	while (*mac != member)
		mac = &(*mac)->next_mac;
	while (*address != member)
		address = &(*address)->next_address;
	*all = member->next;
	*mac = member->next_mac;
	*address = member->next_address;
	lan->n_members--;
	lan6_remove(member);
}

static int give_rules(struct member *member, const struct lan_wish *wish, struct err *err)
{
	if (names_join(member, wish->servers, wish->n_servers) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	if (!wish->egress || !*wish->egress)
		return 0;
	TRY(egress_new(wish->egress, &member->egress, err));
	return gate_new(member, &member->gate, err);
}

int lan_join(struct lan *lan, const struct lan_wish *wish, struct member **ret, struct err *err)
{
	struct frame_port port;
	struct member *member;
	int r;

	if (lan->n_members >= LAN_MEMBERS)
		return err_set(
			err, -EADDRNOTAVAIL, "the network is full: it has %d members", LAN_MEMBERS);
	TRY(choose_address(lan, wish, &port.address, err));
	TRY(choose_mac(lan, wish, port.address, port.mac, err));
	TRY(lan6_choose(lan, wish, port.address, &port.address6, err));
	member = calloc(1, sizeof(*member));
	if (!member)
		return err_set(err, -ENOMEM, "out of memory");
	member->lan = lan;
	member->tap = -EBADF;
	member->log = (struct netlog){ .fds = { -EBADF, -EBADF } };
	member->port = port;
	(void)snprintf(member->names, sizeof(member->names), "%s", wish->names);
	add_member(lan, member);
	r = give_rules(member, wish, err);
	if (r < 0)
		lan_leave(member);
	else
		*ret = member;
	return r;
}

void lan_keep_log(struct member *member, int fds[2])
{
	netlog_done(&member->log);
	netlog_init(&member->log, fds);
}

static void *close_now(void *fd)
{
	(void)close((int)(intptr_t)fd); /* a tap: no data can be lost */
	return NULL;
}

/* The last close of a tap takes the kernel some 15 ms, in which no frame would move and nobody could
 * join. Without memory for a thread it is done here. */
static void close_aside(int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (fd < 0)
		return;
	if (pthread_attr_init(&attr) != 0) {
		close_now((void *)(intptr_t)fd);
		return;
	}
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED); /* a valid constant */
	(void)pthread_attr_setstacksize(&attr, CLOSER_STACK);              /* else a larger one */
	r = pthread_create(&thread, &attr, close_now, (void *)(intptr_t)fd);
	(void)pthread_attr_destroy(&attr);
	if (r != 0)
		close_now((void *)(intptr_t)fd);
}

void lan_leave(struct member *member)
{
	if (!member)
		return;
	loop_del(member->source);
	stack_forget(member->lan->stack, &member->share);
	outbound_close(member->way);
	names_tcp_leave(member);
	names_leave(member);
	gate_free(member->gate);
	netlog_done(&member->log);
	egress_free(member->egress);
	close_aside(move_fd(&member->tap));
	remove_member(member);
	free(member);
}

int lan_adopt_tap(struct member *member, int tap, struct err *err)
{
	member->tap = tap;
	return loop_add_fd(member->lan->loop, tap, EPOLLIN, on_tap, member, &member->source, err);
}

static enum outbound_verdict judge(void *data, union syn_address *to)
{
	return judge_connect(data, to);
}

static int watch(void *data, const union syn_address *to, struct outbound_pass **ret)
{
	return judge_watch(data, to, ret);
}

static void answer_names(void *data, int fd)
{
	names_stream(data, fd);
}

int lan_open_way(struct member *member, struct outbound_gear *gear, struct err *err)
{
	struct lan *lan = member->lan;
	int r;

	if (gear->listener[0] < 0) { /* the kernel cannot */
		outbound_gear_done(gear);
		return 0;
	}
	r = lan->outbound ? 0 : outbound_new(lan->loop, &lan->outbound, err);
	if (r < 0) {
		outbound_gear_done(gear);
		return r;
	}
	gear->judge = judge;
	gear->pass = watch;
	gear->local = answer_names;
	gear->data = member;
	return outbound_open(lan->outbound, gear, &member->way, err);
}
