/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap is made by a child: joining a user namespace is for good, and we want to keep ours, from
 * which the host's network is reached.
 */
#include "netstack/alone.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "base/spawn.h"
#include "base/userns.h"

#define PATH_ROOM 64

static struct ifreq request(const char *name)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ifr;
}

static void set_address(struct sockaddr *ret, struct in_addr address)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr = address };

	memcpy(ret, &sin, sizeof(*ret));
}

static int bring_up(int sock, const char *name, struct err *err)
{
	struct ifreq ifr = request(name);

	if (ioctl(sock, SIOCGIFFLAGS, &ifr) < 0)
		return err_sys(err, "find %s", name);
	ifr.ifr_flags |= IFF_UP | IFF_RUNNING;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) < 0 ? err_sys(err, "bring up %s", name) : 0;
}

static int add_route(int sock, const struct alone_options *options, struct err *err)
{
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY };

	set_address(&route.rt_gateway, alone_address(options, ALONE_GATEWAY));
	set_address(&route.rt_dst, (struct in_addr){ 0 });
	set_address(&route.rt_genmask, (struct in_addr){ 0 });
	route.rt_metric = 0;
	route.rt_dev = (char *)(uintptr_t)options->tap;
	return ioctl(sock, SIOCADDRT, &route) < 0 ? err_sys(err, "set the default route") : 0;
}

static int set_mac(int sock, const struct alone_options *options, struct err *err)
{
	struct ifreq ifr = request(options->tap);

	if (!options->has_mac)
		return 0;
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, options->mac, sizeof(options->mac));
	return ioctl(sock, SIOCSIFHWADDR, &ifr) < 0 ? err_sys(err, "set the MAC address") : 0;
}

static int configure(const struct alone_options *options, struct err *err)
{
	autofd int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct in_addr mask = { htonl(UINT32_MAX << (32 - options->prefix)) };
	struct ifreq ifr = request(options->tap);

	if (sock < 0)
		return err_sys(err, "make a socket");
	TRY(bring_up(sock, "lo", err));
	TRY(set_mac(sock, options, err));
	ifr.ifr_mtu = options->mtu;
	if (ioctl(sock, SIOCSIFMTU, &ifr) < 0)
		return err_sys(err, "set the MTU to %d", options->mtu);
	TRY(bring_up(sock, options->tap, err));
	set_address(&ifr.ifr_addr, alone_address(options, ALONE_GUEST));
	if (ioctl(sock, SIOCSIFADDR, &ifr) < 0)
		return err_sys(err, "set the address");
	set_address(&ifr.ifr_netmask, mask);
	if (ioctl(sock, SIOCSIFNETMASK, &ifr) < 0)
		return err_sys(err, "set the netmask");
	return add_route(sock, options, err);
}

static int make_tap(const struct alone_options *options, struct err *err)
{
	struct ifreq ifr = request(options->tap);
	autofd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(err, "open /dev/net/tun");
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return err_sys(err, "make the tap %s", options->tap);
	if (options->configure)
		TRY(configure(options, err));
	return move_fd(&fd);
}

static bool is_same(int fd, const char *other)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int open_path(
	const struct alone_options *options, const char *given, const char *kind, struct err *err)
{
	char path[PATH_ROOM];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/%s", options->target, kind);
	fd = open(given ? given : path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open '%s'", given ? given : path) : fd;
}

/* The user namespace to be in for the target's network; -EBADF: our own will do. */
static int open_userns(const struct alone_options *options, int *ret, struct err *err)
{
	autofd int fd = -EBADF;

	*ret = -EBADF;
	if (options->by_path && !options->userns)
		return 0;
	fd = open_path(options, options->userns, "user", err);
	TRY(fd);
	if (!is_same(fd, "/proc/self/ns/user"))
		*ret = move_fd(&fd);
	return 0;
}

static int tap_there(const struct alone_options *options, struct err *err)
{
	autofd int netns = open_path(
			   options, options->by_path ? options->target : NULL, "net", err),
		   userns = -EBADF;

	TRY(netns);
	TRY(open_userns(options, &userns, err));
	if (userns >= 0)
		TRY(userns_join(userns, err));
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_sys(err, "join the network namespace of '%s'", options->target);
	return make_tap(options, err);
}

static int send_tap(int sock, int tap, const struct err *verdict)
{
	struct iovec iov = { (void *)(uintptr_t)verdict, sizeof(*verdict) };
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (tap >= 0) {
		struct cmsghdr *c;

		msg.msg_control = space;
		msg.msg_controllen = sizeof(space);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &tap, sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int receive_tap(int sock, struct err *err)
{
	struct err verdict;
	struct iovec iov = { &verdict, sizeof(verdict) };
	char space[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space) };
	ssize_t n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	int tap;

	if (n != sizeof(verdict))
		return err_set(err, -EPIPE, "the child that makes the tap died");
	if (verdict.code < 0) {
		*err = verdict;
		return verdict.code;
	}
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return err_set(err, -EPROTO, "the child sent no tap");
	memcpy(&tap, CMSG_DATA(c), sizeof(int));
	return tap;
}

int alone_open_tap(const struct alone_options *options, struct err *err)
{
	autofd int sock = -EBADF;
	pid_t pid = spawn_fork(&sock, err);
	int tap;

	if (pid < 0)
		return pid;
	if (pid == 0) {
		struct err verdict = ERR_INIT;
		int made = tap_there(options, &verdict);

		_exit(send_tap(sock, made, &verdict) < 0);
	}
	tap = receive_tap(sock, err);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return tap;
}
