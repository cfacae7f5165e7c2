/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network member without a container: does with src/network what `sbx run` does, then runs a
 * command in the new namespaces.
 *
 *	net_member RUNROOT NETWORK [-p [IP:]HOST[-LAST]:PORT[/udp]] [--egress RULES] [--log DIRECTORY] [--dns IP]...
 *		-- COMMAND...
 *
 * Prints "member ADDRESS GATEWAY HOST PORT..." first; exits with the command's status, 125 on errors.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/sys.h"
#include "base/xalloc.h"
#include "network/network.h"

static int parse_port(const char *text, struct publish *ret, struct err *err)
{
	char ip[46] = "";
	const char *rest = strrchr(text, ':');
	unsigned host, last, port;

	while (rest && rest > text && rest[-1] != ':')
		rest--;
	if (rest && rest > text && rest[-1] == ':') {
		(void)snprintf(ip, sizeof(ip), "%.*s", (int)(rest - 1 - text), text);
		text = rest;
	}
	if (sscanf(text, "%u-%u:%u", &host, &last, &port) != 3) {
		last = 0;
		if (sscanf(text, "%u:%u", &host, &port) != 2)
			return err_set(err, -EINVAL, "bad -p %s", text);
	}
	*ret = (struct publish){
		.host_port = (uint16_t)host,
		.host_last = (uint16_t)last,
		.port = (uint16_t)port,
		.proto = strstr(text, "/udp") ? PUBLISH_UDP : PUBLISH_TCP,
	};
	(void)snprintf(ret->host_ip, sizeof(ret->host_ip), "%s", ip);
	return 0;
}

/* What the child made, in one message; the verdict goes along, and which descriptors there are. */
struct made {
	struct err verdict;
	bool has[1 + NETWORK_FAST];
	unsigned replies;
};

static int send_gear(int sock, const struct network_gear *gear, const struct err *verdict)
{
	struct made made = { .verdict = *verdict, .replies = gear->replies };
	int descriptors[1 + NETWORK_FAST], n = 0;

	struct iovec iov = { &made, sizeof(made) };
	char space[CMSG_SPACE(sizeof(descriptors))] __attribute__((aligned(8))) = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c = (struct cmsghdr *)(void *)space;

	for (int i = 0; i <= NETWORK_FAST; i++) {
		int fd = i ? gear->fast[i - 1] : gear->tap;

		made.has[i] = fd >= 0;
		if (fd >= 0)
			descriptors[n++] = fd;
	}
	if (n) {
		msg.msg_control = space;
		msg.msg_controllen = CMSG_SPACE((size_t)n * sizeof(int));
		*c = (struct cmsghdr){ CMSG_LEN((size_t)n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
		memcpy(CMSG_DATA(c), descriptors, (size_t)n * sizeof(int));
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int recv_gear(int sock, struct network_gear *ret, struct err *err)
{
	struct made made;
	int descriptors[1 + NETWORK_FAST], n = 0;
	struct iovec iov = { &made, sizeof(made) };
	char space[CMSG_SPACE(sizeof(descriptors))] __attribute__((aligned(8)));
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space,
		.msg_controllen = sizeof(space) };

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(made))
		return err_set(err, -EPIPE, "the child died");
	if (CMSG_FIRSTHDR(&msg))
		memcpy(descriptors, CMSG_DATA(CMSG_FIRSTHDR(&msg)),
			CMSG_FIRSTHDR(&msg)->cmsg_len - CMSG_LEN(0));
	for (int i = 0; i <= NETWORK_FAST; i++) {
		if (made.has[i])
			*(i ? &ret->fast[i - 1] : &ret->tap) = descriptors[n++];
	}
	ret->replies = made.replies;
	if (made.verdict.code < 0)
		*err = made.verdict;
	return made.verdict.code;
}

static _Noreturn void child(const struct network *net, int sock, char **command)
{
	struct err err = ERR_INIT;
	struct network_gear gear = NETWORK_GEAR_INIT;
	char go;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || recv(sock, &go, 1, 0) != 1)
		_exit(125);
	(void)network_setup(net, &gear, &err); /* the verdict goes along */
	if (send_gear(sock, &gear, &err) < 0 || recv(sock, &go, 1, 0) != 1)
		_exit(125);
	execvp(command[0], command);
	_exit(127);
}

static int write_map(pid_t pid, const char *name, const char *text, struct err *err)
{
	char path[64];
	autofd int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open %s", path) : fs_write_all(fd, text, strlen(text), err);
}

static int open_ns(pid_t pid, const char *name, struct err *err)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open %s", path) : fd;
}

static int attach(struct network *net, pid_t pid, int sock, struct err *err)
{
	struct network_gear gear __attribute__((cleanup(network_gear_done))) = NETWORK_GEAR_INIT;
	autofd int userns = -EBADF, netns = -EBADF;
	char map[64];

	TRY(write_map(pid, "setgroups", "deny", err));
	(void)snprintf(map, sizeof(map), "0 %u 1", getuid());
	TRY(write_map(pid, "uid_map", map, err));
	(void)snprintf(map, sizeof(map), "0 %u 1", getgid());
	TRY(write_map(pid, "gid_map", map, err));
	if (send(sock, "g", 1, MSG_NOSIGNAL) < 0)
		return err_sys(err, "talk to the child");
	TRY(recv_gear(sock, &gear, err));
	userns = open_ns(pid, "user", err);
	TRY(userns);
	netns = open_ns(pid, "net", err);
	TRY(netns);
	return network_attach(net, &gear, userns, netns, err);
}

static void report(const struct network *net)
{
	char own[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN], host[INET_ADDRSTRLEN];

	printf("member %s %s %s", inet_ntop(AF_INET, &net->address, own, sizeof(own)),
		inet_ntop(AF_INET, &net->gateway, gateway, sizeof(gateway)),
		inet_ntop(AF_INET, &net->host, host, sizeof(host)));
	for (size_t i = 0; i < net->n_ports; i++)
		printf(" %u", net->ports[i].host_port);
	printf("\n");
	(void)fflush(stdout); /* the reader sees a short line if it fails */
}

static int run(struct network *net, char **command, struct err *err)
{
	int pair[2], status;
	pid_t pid;

	TRY(network_join(net, "0123456789abcdef", "member", err));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(err, "socketpair");
	pid = sys_clone(CLONE_NEWUSER | CLONE_NEWNET | SIGCHLD, NULL);
	if (pid < 0)
		return err_sys(err, "clone");
	if (pid == 0)
		child(net, pair[1], command);
	(void)close(pair[1]);
	TRY(attach(net, pid, pair[0], err));
	report(net);
	if (send(pair[0], "g", 1, MSG_NOSIGNAL) < 0)
		return err_sys(err, "talk to the child");
	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int take_option(char **argv, struct run_opts *opts, char **log_dir, struct err *err)
{
	if (!strcmp(argv[0], "-p"))
		return parse_port(argv[1], &opts->ports[opts->n_ports++], err);
	if (!strcmp(argv[0], "--egress"))
		opts->egress = argv[1];
	else if (!strcmp(argv[0], "--log"))
		*log_dir = argv[1];
	else if (!strcmp(argv[0], "--dns"))
		strv_add(&opts->dns, argv[1]);
	else
		return err_set(err, -EINVAL, "unknown option %s", argv[0]);
	return 0;
}

int main(int argc, char **argv)
{
	struct globals globals = { .root = getenv("SBX_ROOT"),
		.runroot = argc > 1 ? argv[1] : NULL };
	struct run_opts opts = { .network = argc > 2 ? argv[2] : NULL };
	struct network autonetwork net = NETWORK_INIT;
	struct err err = ERR_INIT;
	char *log_dir = NULL;
	int i, r = 0;

	log_init("net_member", LOG_INFO);
	opts.ports = xcalloc((size_t)argc, sizeof(*opts.ports));
	for (i = 3; i + 1 < argc && strcmp(argv[i], "--") != 0 && r == 0; i += 2)
		r = take_option(argv + i, &opts, &log_dir, &err);
	if (r == 0 && (i + 1 >= argc || strcmp(argv[i], "--") != 0))
		r = err_set(&err, -EINVAL,
			"usage: net_member RUNROOT NETWORK [-p PORT]... -- COMMAND...");
	if (r == 0)
		r = network_plan(&globals, &opts, NULL, &net, &err);
	if (log_dir)
		net.log_dir = xstrdup(log_dir);
	if (r == 0)
		r = run(&net, argv + i + 1, &err);
	free(opts.ports);
	strv_done(&opts.dns);
	if (r < 0)
		log_err(&err);
	return r < 0 ? 125 : r;
}
