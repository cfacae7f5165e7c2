/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/lan.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/own.h"
#include "netstack/resolver.h"

#define CLOSER_STACK    (64 * 1024)
#define FRAMES_PER_TURN 64 /* then the other members have their turn */

static unsigned host_byte(struct in_addr addr)
{
	return ntohl(addr.s_addr) & 0xff;
}

static struct in_addr host_address(const struct lan *lan, unsigned byte)
{
	return (struct in_addr){ htonl(ntohl(lan->addresses.network.s_addr) | byte) };
}

struct member *lan_find_mac(const struct lan *lan, const uint8_t mac[6])
{
	struct member *member = lan->members[mac[5]];

	return member && !memcmp(member->port.mac, mac, 6) ? member : NULL;
}

/* A full queue or a tap on its way down loses the frame, as a wire would. */
static void send_to(const struct member *member, const uint8_t *frame, size_t len)
{
	if (member->tap >= 0 && write(member->tap, frame, len) < 0)
		return;
}

static void flood(const struct member *from, const uint8_t *frame, size_t len)
{
	const struct lan *lan = from->lan;

	for (unsigned i = LAN_FIRST_MEMBER; lan->n_members > 1 && i < LAN_HOSTS; i++) {
		if (lan->members[i] && lan->members[i] != from)
			send_to(lan->members[i], frame, len);
	}
}

/* From libslirp, which may not know a member's MAC yet: the address decides. */
static void send_down(
	void *data, uint8_t *head, size_t head_len, const uint8_t *rest, size_t rest_len)
{
	struct lan *lan = data;
	struct in_addr to = frame_answer(head, head_len, &lan->addresses);
	struct member *member = lan->members[host_byte(to)];
	struct iovec iov[2] = { { head, head_len }, { (void *)(uintptr_t)rest, rest_len } };

	if (!member || member->port.address.s_addr != to.s_addr || member->tap < 0)
		return;
	if (!frame_is_group(head))
		memcpy(head, member->port.mac, 6);
	if (writev(member->tap, iov, rest_len ? 2 : 1) < 0)
		return; /* lost, as in send_to() */
}

/* The address that the host's own packets to the world carry, asked anew each time: a laptop moves.
 * No packet is sent to find it. */
static bool find_host(struct in_addr *ret)
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

static bool look_up(void *data, const char *name, struct in_addr *ret)
{
	const struct lan *lan = data;

	if (resolver_has_name("host.containers.internal host.docker.internal", name)) {
		if (!find_host(ret))
			*ret = lan->addresses.gateway;
		return true;
	}
	for (unsigned i = LAN_FIRST_MEMBER; i < LAN_HOSTS; i++) {
		if (lan->members[i] && resolver_has_name(lan->members[i]->names, name)) {
			*ret = lan->members[i]->port.address;
			return true;
		}
	}
	return false;
}

/* A question for a name of ours is answered here; true = done with the frame. */
static bool answer_name(struct member *from, size_t len)
{
	struct lan *lan = from->lan;
	size_t question, answer;
	uint8_t *data = frame_question(lan->frame, len, &lan->addresses, &question);

	if (!data)
		return false;
	answer = resolver_answer(
		data, question, (size_t)(lan->frame + sizeof(lan->frame) - data), look_up, lan);
	if (!answer)
		return false;
	send_to(from, lan->frame, frame_reply(lan->frame, &lan->addresses, answer));
	return true;
}

static void send_up(struct member *from, size_t len)
{
	struct lan *lan = from->lan;
	uint8_t *frame = lan->frame;

	switch (frame_type(frame, len)) {
	case FRAME_ARP:
		if (!frame_is_group(frame) || frame_asks_gateway(frame, len, &lan->addresses))
			stack_input(lan->stack, frame, len);
		return;
	case FRAME_IPV4:
		if (!frame_is_group(frame) &&
			frame_clean(frame, &len, &lan->addresses, &from->frags) &&
			!answer_name(from, len))
			stack_input(lan->stack, frame, len);
		return;
	case FRAME_IPV6:
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
		send_to(to, lan->frame, len);
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

int lan_init(struct lan *lan, struct loop *loop, struct in_addr network, struct err *err)
{
	struct stack_config config;

	*lan = (struct lan){ .loop = loop, .mtu = LAN_MTU, .addresses.network = network };
	lan->addresses.mask.s_addr = htonl(0xffffff00);
	lan->addresses.gateway = host_address(lan, LAN_GATEWAY);
	lan->addresses.nameserver = host_address(lan, LAN_NAMESERVER);
	config = (struct stack_config){
		.lan = lan->addresses, .mtu = lan->mtu, .send = send_down, .data = lan
	};
	return stack_new(loop, &config, &lan->stack, err);
}

void lan_done(struct lan *lan)
{
	for (unsigned i = 0; i < LAN_HOSTS; i++)
		lan_leave(lan->members[i]);
	stack_free(lan->stack);
	lan->stack = NULL;
}

static unsigned choose_byte(const struct lan *lan, struct in_addr want)
{
	unsigned byte = host_byte(want);

	if (want.s_addr == host_address(lan, byte).s_addr && byte >= LAN_FIRST_MEMBER &&
		byte < LAN_HOSTS - 1 && !lan->members[byte])
		return byte;
	for (byte = LAN_FIRST_MEMBER; byte < LAN_HOSTS - 1; byte++) {
		if (!lan->members[byte])
			return byte;
	}
	return 0;
}

int lan_join(struct lan *lan, struct in_addr want, const char *names, struct member **ret,
	struct err *err)
{
	unsigned byte = choose_byte(lan, want);
	struct member *member;

	if (!byte)
		return err_set(err, -EADDRNOTAVAIL,
			"the network is full: all %d addresses are taken",
			LAN_HOSTS - 1 - LAN_FIRST_MEMBER);
	member = calloc(1, sizeof(*member));
	if (!member)
		return err_set(err, -ENOMEM, "out of memory");
	member->lan = lan;
	member->tap = -EBADF;
	member->port.address = host_address(lan, byte);
	member->port.mac[0] = 0x02; /* locally administered */
	member->port.mac[1] = 0x53;
	memcpy(member->port.mac + 2, &member->port.address, 4);
	(void)snprintf(member->names, sizeof(member->names), "%s", names);
	lan->members[byte] = member;
	lan->n_members++;
	*ret = member;
	return 0;
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
	close_aside(move_fd(&member->tap));
	member->lan->members[host_byte(member->port.address)] = NULL;
	member->lan->n_members--;
	free(member);
}

int lan_adopt_tap(struct member *member, int tap, struct err *err)
{
	member->tap = tap;
	return loop_add_fd(member->lan->loop, tap, EPOLLIN, on_tap, member, &member->source, err);
}
