/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The uplink: libslirp behind six functions. It turns the members' IPv4 frames into sockets of this
 * process and back; only stack.c knows its header.
 *
 * libslirp names the descriptors it waits for anew before each sleep. They live in an epoll set of
 * their own that is one source of the loop; only differences reach the kernel. So after feeding
 * frames stack_settle() must be called, once per batch.
 */
#ifndef SBX_NETSTACK_STACK_H
#define SBX_NETSTACK_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/loop.h"
#include "netstack/frame.h"
#include "netstack/share.h"

struct stack;

/* A frame for a member: a copy of its headers, STACK_HEAD bytes or less, which the callee may change,
 * and the rest as libslirp has it, which may be empty. */
#define STACK_HEAD           128
#define STACK_CONFIG_VERSION 4 /* of libslirp's SlirpConfig, as stack.c fills it */
typedef void (*stack_send_fn)(
	void *data, uint8_t *head, size_t head_len, const uint8_t *rest, size_t rest_len);

struct stack_config {
	struct frame_lan lan;
	int mtu;
	stack_send_fn send;
	void *data;
	/* in slirp4netns' place (alone.h); zeroed for a network of ours: */
	bool host_loopback; /* the gateway leads to the host's 127.0.0.1 */
	bool no_dns;
	bool ipv6; /* fd00::/64: router ::2, resolver ::3; with lan.gateway6 its /64 */
	struct in6_addr outbound6;
	struct in_addr outbound; /* where connections come from; 0 = what the routes say */
};

int stack_new(
	struct loop *loop, const struct stack_config *config, struct stack **ret, struct err *err);
void stack_free(struct stack *stack); /* NULL ok */
void stack_input(struct stack *stack, const uint8_t *frame, size_t len);
/* The same for one of several members: within its share, else the frame is dropped. */
void stack_input_of(struct stack *stack, struct share *share, const uint8_t *frame, size_t len);
void stack_forget(struct stack *stack, const struct share *share); /* before it goes */
int stack_settle(struct stack *stack, struct err *err);

/* libslirp's own published ports. -errno of the bind. */
int stack_forward(struct stack *stack, bool udp, const struct sockaddr_in *host,
	const struct sockaddr_in *guest, struct err *err);
int stack_unforward(struct stack *stack, bool udp, const struct sockaddr_in *host, struct err *err);
const char *stack_version(void);

#endif
