/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbx-netstack: one virtual network, as long as it has a member. Started by network_join() with its
 * listening control socket at descriptor 3, the network's directory at 4 and a log as stderr.
 *
 * With any other first option than --network it takes slirp4netns' place (alone.h), in the foreground.
 *
 * Everything that can fail is done before it forks into the background, so the starter's wait status
 * is the verdict. Before the first frame it gives up what it does not need.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/own.h"
#include "netstack/alone.h"
#include "netstack/control.h"
#include "netstack/lan.h"
#include "netstack/lock_in.h"
#include "network/wire.h"

#define USAGE                                                                         \
	"usage: sbx-netstack --network NAME --gateway ADDRESS/PREFIX [--range CIDR] " \
	"[--gateway6 ADDRESS] [--reserve ADDRESS]... [--mtu BYTES] [--internal] [--recover]"

struct arguments {
	const char *network;
	struct lan_config lan;
	bool recover; /* after one that died */
};

static int parse_cidr(const char *text, struct in_addr *ret, int *ret_prefix, struct err *err)
{
	char address[INET_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	long prefix = text[len] ? strtol(text + len + 1, NULL, 10) : 0;

	(void)snprintf(address, sizeof(address), "%.*s", (int)len, text);
	if (prefix < 8 || prefix > 32 || inet_pton(AF_INET, address, ret) != 1)
		return err_set(err, -EINVAL, "'%s' is not ADDRESS/PREFIX", text);
	*ret_prefix = (int)prefix;
	return 0;
}

static int parse_option(int option, struct arguments *args, struct err *err)
{
	struct lan_config *lan = &args->lan;

	switch (option) {
	case 'n':
		args->network = optarg;
		return 0;
	case 'g':
		return parse_cidr(optarg, &lan->gateway, &lan->prefix, err);
	case 'r':
		return parse_cidr(optarg, &lan->range, &lan->range_prefix, err);
	case 'm':
		lan->mtu = (int)strtol(optarg, NULL, 10);
		return lan->mtu >= 576 && lan->mtu <= LAN_MTU
			       ? 0
			       : err_set(err, -EINVAL, "an MTU of %s is not possible", optarg);
	case '6':
		return inet_pton(AF_INET6, optarg, &lan->gateway6) == 1
			       ? 0
			       : err_set(err, -EINVAL, "'%s' is no IPv6 address", optarg);
	case 'x':
		return lan_reserve(lan, optarg, err);
	case 'i':
		lan->internal = true;
		return 0;
	case 'R':
		args->recover = true;
		return 0;
	default:
		return err_set(err, -EINVAL, USAGE);
	}
}

static int parse(int argc, char **argv, struct arguments *ret, struct err *err)
{
	static const struct option options[] = {
		{ "network", required_argument, NULL, 'n' },
		{ "gateway", required_argument, NULL, 'g' },
		{ "range", required_argument, NULL, 'r' },
		{ "mtu", required_argument, NULL, 'm' },
		{ "gateway6", required_argument, NULL, '6' },
		{ "reserve", required_argument, NULL, 'x' },
		{ "internal", no_argument, NULL, 'i' },
		{ "recover", no_argument, NULL, 'R' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		TRY(parse_option(c, ret, err));
	if (!ret->network || !ret->lan.prefix || ret->lan.prefix > 29 || optind != argc)
		return err_set(err, -EINVAL, USAGE);
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
	struct loop *loop;
	int r;

	if (!lan)
		return err_set(err, -ENOMEM, "out of memory");
	if (fcntl(WIRE_CONTROL_FD, F_SETFD, FD_CLOEXEC) < 0 ||
		fcntl(WIRE_DIR_FD, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(
			err, "descriptors %d and %d must be given", WIRE_CONTROL_FD, WIRE_DIR_FD);
	raise_limit();
	TRY(loop_new(&loop, err)); /* lives as long as the process */
	TRY(handle_signals(loop, err));
	TRY(lan_init(lan, loop, &args->lan, err));
	TRY(control_init(&control, loop, lan, err));
	if (args->recover)
		TRY(control_hold(&control, err));
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

static void print_version(void)
{
	printf("sbx-netstack version %s, in slirp4netns' place\nlibslirp: %s\n"
	       "SLIRP_CONFIG_VERSION_MAX: %d\n",
		SBX_VERSION, stack_version(), STACK_CONFIG_VERSION);
}

static int run_alone(int argc, char **argv, struct err *err)
{
	struct alone_options options;

	TRY(alone_parse(argc, argv, &options, err));
	if (options.help)
		printf("%s", alone_help());
	else if (options.version)
		print_version();
	else
		return alone_run(&options, err);
	return 0;
}

static int run_network(int argc, char **argv, struct err *err)
{
	struct arguments args = { 0 };

	TRY(parse(argc, argv, &args, err));
	return run(&args, err);
}

#ifdef __SANITIZE_ADDRESS__
/* Not to be looked at from outside, sbx-netstack cannot be stopped by the leak checker either, which then
 * waits for ever at the end or gives up (sanitizer/lsan_interface.h). */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}
#endif

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int r;

	log_init("sbx-netstack", LOG_INFO);
	if (argc > 1 && strncmp(argv[1], "--network", strlen("--network")) == 0)
		r = run_network(argc, argv, &err);
	else
		r = run_alone(argc, argv, &err);
	if (r < 0)
		log_err(&err);
	return r < 0;
}
