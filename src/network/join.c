/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The monitor's part: finds or starts the network's sbx-netstack and speaks wire.h with it.
 *
 * Starting is one writer at a time (flock on <network>/lock). The starter itself binds the control
 * socket and hands it over, so it can connect and ask at once, while the new process still links;
 * nobody ever waits for a socket to appear. A socket that refuses is a dead netstack's: replaced
 * under the lock. A netstack that ends between our connect and our question hangs up: asked again.
 */
#include "network/network.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/buf.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/spawn.h"
#include "base/xalloc.h"
#include "network/ports.h"
#include "network/subnet.h"
#include "network/wire.h"

#define HELPER     "sbx-netstack"
#define LOG_NAME   "log"
#define ATTEMPTS   3
#define BACKLOG    128

#define PATIENCE   5 /* s, for an answer to a running container's monitor */
#define ROUTES_MAX (4 * 1024 * 1024)

/* sun_path holds 108 bytes, runroots may be longer: the way through a descriptor always fits. */
static struct sockaddr_un control_address(int dir)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)snprintf(
		sun.sun_path, sizeof(sun.sun_path), "/proc/self/fd/%d/%s", dir, WIRE_CONTROL);
	return sun;
}

static int open_network_dir(const struct network *net, struct err *err)
{
	/* by id: a network that was removed and made again under its name is another one */
	autofree char *path = xasprintf(
		"%s/networks/%s", net->runroot, *net->id ? net->id : net->name);

	TRY(fs_mkdirs(path, 0700, err));
	return fs_open_private_dir(path, err);
}

/* A socket connected to the control socket; -ENOENT or -ECONNREFUSED when nobody listens. */
static int try_connect(int dir, struct err *err)
{
	struct sockaddr_un sun = control_address(dir);
	autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(err, "make a control socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return err_sys(err, "connect to " HELPER);
	return move_fd(&fd);
}

/* *ret_crashed: the one before went without removing its socket. */
static int bind_control(int dir, bool *ret_crashed, struct err *err)
{
	struct sockaddr_un sun = control_address(dir);
	autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, "make a control socket");
	*ret_crashed = unlinkat(dir, WIRE_CONTROL, 0) == 0;
	if (!*ret_crashed && errno != ENOENT)
		return err_sys(err, "remove the stale control socket");
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return err_sys(err, "bind the control socket of network");
	if (fchmodat(dir, WIRE_CONTROL, 0600, 0) < 0)
		return err_sys(err, "protect the control socket");
	if (listen(fd, BACKLOG) < 0)
		return err_sys(err, "listen on the control socket");
	return move_fd(&fd);
}

/* "10.88.0.1/24": the record's, the one it had when it died, or a free one. */
static void add_gateway(const struct network *net, struct strv *argv)
{
	struct err none = ERR_INIT;
	autofree char *routes = NULL;
	struct subnet chosen = { .prefix = net->prefix };
	struct in_addr gateway = net->gateway;
	char text[INET_ADDRSTRLEN];

	if (!gateway.s_addr) {
		if (fs_read_at(AT_FDCWD, "/proc/net/route", ROUTES_MAX, &routes, NULL, &none) < 0)
			log_err(&none); /* then nothing is known to clash */
		chosen = subnet_choose(net->name, routes ? routes : "", NULL, 0);
		gateway = subnet_first_host(&chosen);
	}
	(void)inet_ntop(AF_INET, &gateway, text, sizeof(text)); /* cannot fail with this size */
	strv_add(argv, "--gateway");
	strv_addf(argv, "%s/%d", text, chosen.prefix);
}

static void make_command(const struct network *net, struct strv *ret)
{
	char text[INET_ADDRSTRLEN];

	strv_add(ret, HELPER);
	strv_add(ret, "--network");
	strv_add(ret, net->name);
	add_gateway(net, ret);
	if (net->range_prefix) {
		(void)inet_ntop(AF_INET, &net->range, text, sizeof(text));
		strv_add(ret, "--range");
		strv_addf(ret, "%s/%d", text, net->range_prefix);
	}
	if (net->mtu)
		strv_addf(ret, "--mtu=%d", net->mtu);
	if (!IN6_IS_ADDR_UNSPECIFIED(&net->gateway6)) {
		char text6[INET6_ADDRSTRLEN];

		(void)inet_ntop(AF_INET6, &net->gateway6, text6, sizeof(text6));
		strv_addf(ret, "--gateway6=%s", text6);
	}
	if (net->internal)
		strv_add(ret, "--internal");
	strv_each (address, &net->reserved)
		strv_addf(ret, "--reserve=%s", *address);
}

/* sbx-netstack forks itself into the background once it has its descriptors, so its first process
 * is ours to reap; that happens in network_join(), after the question is on its way. */
static int spawn_helper(
	const struct network *net, int dir, int listener, bool crashed, struct err *err)
{
	autofree char *path = NULL;
	autostrv struct strv argv = STRV_INIT;
	autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	autofd int log = openat(
		dir, LOG_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct spawn_fd fds[] = { { null, 0 }, { null, 1 }, { log, 2 },
		{ listener, WIRE_CONTROL_FD }, { dir, WIRE_DIR_FD } };
	struct spawn spawn = { .fds = fds, .n_fds = ARRAY_SIZE(fds), .new_session = true };

	if (null < 0 || log < 0)
		return err_sys(err, "open the log of network %s", net->name);
	make_command(net, &argv);
	if (crashed)
		strv_add(&argv, "--recover");
	TRY(spawn_find_helper(HELPER, &path, err));
	spawn.path = path;
	spawn.argv = argv.v;
	return spawn_start(&spawn, NULL, err);
}

/* Returns a connected socket; *ret_started is the pid to reap when we started the helper, else 0. */
static int connect_or_start(const struct network *net, int dir, pid_t *ret_started, struct err *err)
{
	struct err first = ERR_INIT;
	autofd int lock = -EBADF, listener = -EBADF;
	int fd = try_connect(dir, &first);
	bool crashed = false;
	pid_t pid;

	*ret_started = 0;
	if (fd >= 0)
		return fd;
	lock = fs_lock_at(dir, WIRE_LOCK, true, err);
	TRY(lock);
	fd = try_connect(dir, &first); /* somebody may have been faster */
	if (fd >= 0)
		return fd;
	listener = bind_control(dir, &crashed, err);
	TRY(listener);
	pid = spawn_helper(net, dir, listener, crashed, err);
	TRY(pid);
	*ret_started = pid;
	return try_connect(dir, err); /* while we hold `listener` this cannot be refused */
}

static void pack_port(const struct publish *port, struct wire_port *ret)
{
	*ret = (struct wire_port){
		.proto = port->proto == PUBLISH_UDP ? WIRE_UDP : WIRE_TCP,
		.host_port = port->host_port,
		.last = port->host_last,
		.port = port->port,
	};
	if (inet_pton(AF_INET, port->host_ip, ret->addr) == 1)
		ret->family = AF_INET;
	else if (inet_pton(AF_INET6, port->host_ip, ret->addr) == 1)
		ret->family = AF_INET6;
}

static int pack_names(
	const struct network *net, const char *name, char *ret, size_t size, struct err *err)
{
	autobuf struct buf names = BUF_INIT;

	buf_adds(&names, name);
	strv_each (alias, &net->aliases)
		buf_addf(&names, " %s", *alias);
	if (names.len >= size)
		return err_set(
			err, -E2BIG, "the container has too many names on network %s", net->name);
	memcpy(ret, names.data, names.len + 1);
	return 0;
}

static int pack_egress(const struct network *net, char ret[WIRE_EGRESS_MAX], struct err *err)
{
	size_t used = 0;

	strv_each (list, &net->egress) {
		if (used + strlen(*list) + 2 > WIRE_EGRESS_MAX)
			return err_set(err, -E2BIG, "--egress: more than %d bytes of rules",
				WIRE_EGRESS_MAX - 2);
		used += (size_t)snprintf(
			ret + used, WIRE_EGRESS_MAX - used, "%s%s", used ? "\n" : "", *list);
	}
	return 0;
}

static void pack_servers(const struct network *net, struct wire_join *ret)
{
	strv_each (text, &net->dns) {
		struct wire_server *server = &ret->servers[ret->n_servers];

		if (ret->n_servers == WIRE_SERVERS_MAX)
			return; /* as many as a resolv.conf has */
		server->family = inet_pton(AF_INET, *text, server->addr) == 1 ? AF_INET : AF_INET6;
		if (server->family == AF_INET6)
			(void)inet_pton(AF_INET6, *text, server->addr); /* network_plan() saw */
		ret->n_servers++;
	}
}

static void pack_loopback(const struct loopback_ports *ports, struct wire_join *ret)
{
	static_assert(WIRE_LOOPBACK_MAX > LOOPBACK_PORTS_MAX, "all of them, and the 0");
	for (size_t i = 0; i < ports->n; i++)
		ret->loopback[ret->n_loopback++] = ports->port[i];
	if (ports->all)
		ret->loopback[ret->n_loopback++] = 0;
}

static int send_join(
	const struct network *net, int fd, const char *id, const char *name, struct err *err)
{
	size_t size = sizeof(struct wire_join) + net->n_ports * sizeof(struct wire_port);
	autofree struct wire_join *join = NULL;

	if (net->n_ports > WIRE_PORTS_MAX)
		return err_set(err, -E2BIG, "%zu published ports are too many; the limit is %d",
			net->n_ports, WIRE_PORTS_MAX);
	join = xcalloc(1, size);
	join->head = wire_head(WIRE_JOIN);
	join->want = net->address;
	join->exact = net->exact;
	join->want6 = net->address6;
	join->exact6 = net->exact6;
	join->recovers = net->recovers;
	memcpy(join->mac, net->mac, sizeof(join->mac));
	join->n_ports = (uint32_t)net->n_ports;
	pack_loopback(&net->loopback, join);
	(void)snprintf(join->id, sizeof(join->id), "%s", id);
	TRY(pack_egress(net, join->egress, err));
	pack_servers(net, join);
	TRY(pack_names(net, name, join->names, sizeof(join->names), err));
	for (size_t i = 0; i < net->n_ports; i++)
		pack_port(&net->ports[i], &join->ports[i]);
	if (send(fd, join, size, MSG_NOSIGNAL) < 0)
		return err_sys(err, "ask " HELPER " for an address");
	return 0;
}

static bool hung_up(int code)
{
	return code == -EPIPE || code == -ECONNRESET || code == -ENOTCONN;
}

static int recv_joined(int fd, struct wire_joined *ret, struct err *err)
{
	ssize_t n = recv(fd, ret, sizeof(*ret), 0);
	size_t fixed = offsetof(struct wire_joined, host_ports);

	if (n < 0)
		return err_sys(err, "read the answer of " HELPER);
	if (n == 0)
		return err_set(err, -EPIPE, HELPER " ended before it answered");
	if ((size_t)n < fixed || ret->head.magic != WIRE_MAGIC || ret->head.version != WIRE_VERSION)
		return err_set(err, -EPROTO,
			"the running " HELPER " is of another version; stop the containers "
			"that use this network and try again");
	if ((size_t)n != fixed + ret->n_ports * sizeof(ret->host_ports[0]))
		return err_set(err, -EPROTO, HELPER " sent a damaged answer");
	return 0;
}

/* The address the host's own packets to the world carry; no packet is sent to find it. */
static struct in_addr find_host_address(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(9) };
	socklen_t len = sizeof(sin);
	autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	sin.sin_addr.s_addr = htonl(0xc6336401); /* 198.51.100.1, a documentation address */
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
		getsockname(fd, (struct sockaddr *)&sin, &len) < 0)
		return (struct in_addr){ 0 };
	return sin.sin_addr;
}

static int take_answer(struct network *net, struct wire_joined *joined, struct err *err)
{
	joined->holder[sizeof(joined->holder) - 1] = '\0';
	if (joined->err.code < 0 && joined->failed_port < net->n_ports)
		return ports_explain(
			&net->ports[joined->failed_port], &joined->err, joined->holder, err);
	if (joined->err.code < 0) {
		*err = joined->err;
		return err->code;
	}
	if (joined->n_ports != net->n_ports)
		return err_set(err, -EPROTO, HELPER " answered for %u ports instead of %zu",
			joined->n_ports, net->n_ports);
	for (size_t i = 0; i < net->n_ports; i++) {
		net->ports[i].host_port = joined->host_ports[i];
		net->ports[i].host_last = 0; /* network_recover() wants this one again */
	}
	net->address = joined->address;
	net->gateway = joined->gateway;
	net->address6 = joined->address6;
	net->gateway6 = joined->gateway6;
	net->prefix = joined->prefix;
	net->mtu = joined->mtu;
	memcpy(net->mac, joined->mac, sizeof(net->mac));
	net->host = find_host_address();
	return 0;
}

/* Reads what a helper that ended at once left in its log, to say why. */
static int explain_start(const struct network *net, int status, struct err *err)
{
	autofd int dir = open_network_dir(net, err);
	struct err unread = ERR_INIT;
	autofree char *text = NULL;

	TRY(dir);
	if (fs_read_at(dir, LOG_NAME, 4096, &text, NULL, &unread) < 0 || !*text)
		return err_set(err, -EIO, HELPER " could not start (status %d)", status);
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, -EIO, HELPER " could not start: %s", text);
}

/* The first process of a helper ends as soon as it is in the background, or has failed. */
static int reap_start(struct network *net, struct err *err)
{
	pid_t pid = net->starting;
	int status;

	if (pid <= 0)
		return 0;
	net->starting = 0;
	status = spawn_wait(pid, err);
	return status > 0 ? explain_start(net, status, err) : status;
}

static int begin(struct network *net, const char *id, const char *name, struct err *err)
{
	autofd int dir = open_network_dir(net, err), fd = -EBADF;
	struct err verdict = ERR_INIT;
	int r;

	TRY(dir);
	fd = connect_or_start(net, dir, &net->starting, err);
	r = fd < 0 ? fd : send_join(net, fd, id, name, err);
	if (r < 0 && reap_start(net, &verdict) < 0) {
		*err = verdict; /* why it hung up says more than that it did */
		return err->code;
	}
	TRY(r);
	net->control = move_fd(&fd);
	net->begun = true;
	return 0;
}

int network_begin(struct network *net, const char *id, const char *name, struct err *err)
{
	struct err again = ERR_INIT;
	int r = -EIO;

	if (net->kind != NETWORK_BRIDGE || net->begun)
		return 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		r = begin(net, id, name, &again);
		if (r == 0)
			return 0;
		if (!hung_up(r))
			break;
	}
	*err = again;
	return r;
}

static int finish(struct network *net, struct wire_joined *joined, struct err *err)
{
	int r = recv_joined(net->control, joined, err);
	struct err verdict = ERR_INIT;

	net->begun = false;
	if (reap_start(net, &verdict) < 0) {
		*err = verdict;
		return err->code;
	}
	return r < 0 ? r : take_answer(net, joined, err);
}

int network_join(struct network *net, const char *id, const char *name, struct err *err)
{
	autofree struct wire_joined *joined = xcalloc(1, sizeof(*joined));
	struct err again = ERR_INIT;
	int r = 0;

	if (net->kind != NETWORK_BRIDGE)
		return 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		TRY(network_begin(net, id, name, err));
		r = finish(net, joined, &again);
		if (r == 0)
			return 0;
		fd_drop(&net->control);
		if (!hung_up(r))
			break;
	}
	*err = again;
	return r;
}

static uint32_t pack_gear(const struct network_gear *gear, int userns, int netns,
	int ret[WIRE_ATTACH_MAX], size_t *ret_n)
{
	static const uint32_t flag[NETWORK_FAST] = { WIRE_LISTEN4, WIRE_LISTEN6, WIRE_QUEUE };
	uint32_t flags = (gear->replies & NETWORK_REPLIES4 ? WIRE_REPLIES4 : 0) |
			 (gear->replies & NETWORK_REPLIES6 ? WIRE_REPLIES6 : 0) |
			 (gear->replies & NETWORK_DATAGRAMS4 ? WIRE_DATAGRAMS4 : 0) |
			 (gear->replies & NETWORK_DATAGRAMS6 ? WIRE_DATAGRAMS6 : 0);
	size_t n = 0;

	ret[n++] = gear->tap;
	ret[n++] = userns;
	ret[n++] = netns;
	for (int i = 0; i < NETWORK_FAST; i++) {
		if (gear->fast[i] < 0)
			continue;
		flags |= flag[i];
		ret[n++] = gear->fast[i];
	}
	if (gear->log[0] >= 0) {
		flags |= WIRE_LOG;
		ret[n++] = gear->log[0];
		ret[n++] = gear->log[1];
	}
	*ret_n = n;
	return flags;
}

static int send_attach(
	int control, uint32_t flags, const int *descriptors, size_t n, struct err *err)
{
	struct wire_attach attach = { .head = wire_head(WIRE_ATTACH), .flags = flags };
	struct iovec iov = { &attach, sizeof(attach) };
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(WIRE_ATTACH_MAX * sizeof(int))];
	} cmsg = { .head = {
			   .cmsg_level = SOL_SOCKET,
			   .cmsg_type = SCM_RIGHTS,
			   .cmsg_len = CMSG_LEN(n * sizeof(int)),
		   } };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &cmsg,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	memcpy(CMSG_DATA(&cmsg.head), descriptors, n * sizeof(int));
	if (sendmsg(control, &msg, MSG_NOSIGNAL) < 0)
		return err_sys(err, "hand the container's network to " HELPER);
	return 0;
}

static int attach(const struct network *net, const struct network_gear *gear, int userns, int netns,
	struct err *err)
{
	int descriptors[WIRE_ATTACH_MAX];
	struct wire_attached attached;
	size_t count;
	uint32_t flags = pack_gear(gear, userns, netns, descriptors, &count);
	ssize_t n;

	if (net->index)
		flags |= WIRE_MORE;
	TRY(send_attach(net->control, flags, descriptors, count, err));
	n = recv(net->control, &attached, sizeof(attached), 0);
	if (n < 0)
		return err_sys(err, "read the answer of " HELPER);
	if (n != sizeof(attached) || attached.head.magic != WIRE_MAGIC)
		return err_set(
			err, -EPROTO, HELPER " ended while the container's network was attached");
	if (attached.err.code < 0)
		*err = attached.err;
	return attached.err.code;
}

static int keep(int fd, int *slot, struct err *err)
{
	*slot = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return *slot < 0 ? err_sys(err, "dup") : 0;
}

/* Where connections are written down: in the container's own directory, for as long as it is there. */
static int open_log(const struct network *net, int ret[2], struct err *err)
{
	for (int i = 0; i < 2; i++) {
		autofree char *path = xasprintf(
			"%s/" NETWORK_LOG "%s.%d", net->log_dir, net->name, i);

		ret[i] = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (ret[i] < 0)
			return err_sys(err, "open '%s'", path);
	}
	return 0;
}

int network_attach(
	struct network *net, struct network_gear *gear, int userns, int netns, struct err *err)
{
	if (net->kind != NETWORK_BRIDGE)
		return 0;
	net->gear = *gear;
	*gear = (struct network_gear)NETWORK_GEAR_INIT;
	if (net->egress.n && net->log_dir)
		TRY(open_log(net, net->gear.log, err));
	TRY(attach(net, &net->gear, userns, netns, err));
	TRY(keep(userns, &net->userns, err));
	return keep(netns, &net->netns, err);
}

/* A helper that hangs must not hang the monitor as well. */
static int limit_wait(int fd, struct err *err)
{
	const struct timeval limit = { .tv_sec = PATIENCE };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0
		       ? err_sys(err, "setsockopt")
		       : 0;
}

int network_recover(struct network *net, const char *id, const char *name, struct err *err)
{
	int r;

	fd_drop(&net->control);
	net->begun = false;
	net->exact = true; /* who talks to us knows this address */
	net->recovers = true;
	TRY(network_begin(net, id, name, err));
	r = limit_wait(net->control, err);
	if (r == 0)
		r = network_join(net, id, name, err);
	if (r == 0)
		r = attach(net, &net->gear, net->userns, net->netns, err);
	if (r < 0) {
		fd_drop(&net->control);
		net->begun = false;
	}
	return r;
}
