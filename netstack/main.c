/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-netstack: one virtual network, as long as it has a member. Started by network_join() with its
 * listening control socket at descriptor 3, the network's directory at 4 and a log as stderr.
 *
 * Everything that can fail is done before it forks into the background, so the starter's wait status
 * is the verdict. Before the first frame it gives up what it does not need.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/own.h"
#include "netstack/control.h"
#include "netstack/lan.h"
#include "netstack/lock_in.h"
#include "netstack/subnet.h"
#include "network/wire.h"

#define ROUTES_MAX (4 * 1024 * 1024)

struct arguments {
	const char *network;
	const char *gateway; /* NULL = choose */
};

static int parse(int argc, char **argv, struct arguments *ret, struct err *err)
{
	static const struct option options[] = {
		{ "network", required_argument, NULL, 'n' },
		{ "gateway", required_argument, NULL, 'g' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			ret->network = optarg;
		else if (c == 'g')
			ret->gateway = optarg;
		else
			return err_set(err, -EINVAL,
				"usage: sbx-netstack --network NAME [--gateway ADDRESS/24]");
	}
	if (!ret->network || optind != argc)
		return err_set(
			err, -EINVAL, "usage: sbx-netstack --network NAME [--gateway ADDRESS/24]");
	return 0;
}

static int choose_subnet(const struct arguments *args, struct in_addr *ret, struct err *err)
{
	struct err none = ERR_INIT;
	autofree char *routes = NULL;

	if (args->gateway)
		return subnet_parse_gateway(args->gateway, ret, err);
	if (fs_read_at(AT_FDCWD, "/proc/net/route", ROUTES_MAX, &routes, NULL, &none) < 0)
		log_err(&none); /* then nothing is known to clash */
	*ret = subnet_choose(args->network, routes ? routes : "");
	return 0;
}

/* Each connection through libslirp is a descriptor. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* else the lower one holds */
}

static int go_background(struct err *err)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(err, "fork");
	if (pid > 0)
		_exit(0); /* the starter reaps this one; what is shared belongs to the child now */
	return 0;
}

static int on_signal(void *data, int signo, struct err *err)
{
	loop_quit(data, 0);
	return 0;
}

static int handle_signals(struct loop *loop, struct err *err)
{
	sigset_t set;

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGHUP, SIG_IGN) == SIG_ERR)
		return err_sys(err, "signal");
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return loop_add_signals(loop, &set, on_signal, loop, NULL, err);
}

static int run(const struct arguments *args, struct err *err)
{
	autofree struct lan *lan = calloc(1, sizeof(*lan));
	struct control control;
	struct in_addr network;
	struct loop *loop;
	int r;

	if (!lan)
		return err_set(err, -ENOMEM, "out of memory");
	if (fcntl(WIRE_CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0 ||
		fcntl(WIRE_DIR_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(
			err, "descriptors %d and %d must be given", WIRE_CONTROL_FD, WIRE_DIR_FD);
	raise_limit();
	TRY(choose_subnet(args, &network, err));
	TRY(loop_new(&loop, err)); /* lives as long as the process */
	TRY(handle_signals(loop, err));
	TRY(lan_init(lan, loop, network, err));
	TRY(control_init(&control, loop, lan, err));
	if (fchdir(WIRE_DIR_FD) < 0)
		return err_sys(err, "enter the network's directory");
	TRY(lock_in_network(WIRE_DIR_FD, err));
	TRY(go_background(err));
	r = loop_run(loop, err);
	control_done(&control);
	lan_done(lan);
	loop_free(loop);
	return r;
}

int main(int argc, char **argv)
{
	struct arguments args = { 0 };
	struct err err = ERR_INIT;
	int r;

	log_init("sbx-netstack", LOG_INFO);
	r = parse(argc, argv, &args, &err);
	if (r == 0)
		r = run(&args, &err);
	if (r < 0)
		log_err(&err);
	return r < 0;
}
