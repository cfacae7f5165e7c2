/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-netstack in slirp4netns' place: one tap in a network namespace that somebody else made, libslirp
 * behind it, no other members. Takes slirp4netns' command line and API socket, so that rootlesskit and
 * podman can call it. Frames pass the same checks as a member's (frame.h), which is why there is no DHCP.
 * IPv6 addresses come by router advertisement; bess targets are refused.
 */
#ifndef SBX_NETSTACK_ALONE_H
#define SBX_NETSTACK_ALONE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "netstack/stack.h"

struct alone_options {
	bool help, version;
	bool configure, by_path, sandbox, ipv6;
	bool no_host_loopback, no_dns;
	int exit_fd, ready_fd; /* -EBADF = none */
	int mtu;
	const char *api, *userns, *target, *tap;
	struct in_addr network, outbound;
	struct in6_addr outbound6;
	int prefix;
	bool has_mac;
	uint8_t mac[6];
};

/* Pure but for --outbound-addr with the name of an interface. Strings are argv's. */
int alone_parse(int argc, char **argv, struct alone_options *ret, struct err *err);

const char *alone_help(void);

struct in_addr alone_address(const struct alone_options *options, uint32_t host);
#define ALONE_GATEWAY 2
#define ALONE_DNS     3
#define ALONE_LEASE   15 /* by DHCP, as slirp4netns gives it */
#define ALONE_GUEST   100

/* Makes the tap in the target's namespaces; a descriptor, non-blocking. */
int alone_open_tap(const struct alone_options *options, struct err *err);

/* --enable-sandbox: the target's user namespace, and of the file system only /etc and /run; of the
 * capabilities only the one to bind low ports is left. */
int alone_enter_sandbox(const struct alone_options *options, struct err *err);

/* ---- the API socket ---- */

struct alone_api;
int alone_api_listen(const char *path, struct err *err); /* a descriptor */
/* guest: where ports lead that do not say so. Takes the listener over when it succeeds. */
int alone_api_start(struct loop *loop, struct stack *stack, int listener, struct in_addr guest,
	struct alone_api **ret, struct err *err);
void alone_api_stop(struct alone_api *api); /* NULL ok */

#define ALONE_REQUEST_MAX 4096
struct alone_request {
	char execute[32], proto[16], host_addr[64], guest_addr[64]; /* "" = not said */
	long host_port, guest_port, id;                             /* -1 = not said */
	bool has_execute, is_object;
};
/* Pure. -EINVAL: not JSON, or not all of it. */
int alone_request_parse(const char *text, size_t len, struct alone_request *ret);

/* Serves until the exit descriptor says so, or a signal. */
int alone_run(const struct alone_options *options, struct err *err);

#endif
