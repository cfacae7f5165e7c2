/* SPDX-License-Identifier: Apache-2.0 */
#include "netstack/alone.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/own.h"

#define DEFAULT_NETWORK 0x0a000200 /* 10.0.2.0/24 */
#define DEFAULT_PREFIX  24
#define DEFAULT_MTU     1500
#define MTU_MAX         65521
#define PREFIX_MAX      25

struct in_addr alone_address(const struct alone_options *options, uint32_t host)
{
	return (struct in_addr){ htonl(ntohl(options->network.s_addr) + host) };
}

static int parse_number(
	const char *what, const char *text, long min, long max, int *ret, struct err *err)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < min || value > max)
		return err_set(err, -EINVAL, "%s '%s': want a number from %ld to %ld", what, text,
			min, max);
	*ret = (int)value;
	return 0;
}

static int parse_cidr(const char *text, struct alone_options *ret, struct err *err)
{
	char address[INET_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	char *end = NULL;
	long prefix = text[len] ? strtol(text + len + 1, &end, 10) : 0;
	uint32_t host;

	(void)snprintf(address, sizeof(address), "%.*s", (int)len, text);
	if (!text[len] || end == text + len + 1 || *end ||
		inet_pton(AF_INET, address, &ret->network) != 1)
		return err_set(err, -EINVAL, "invalid CIDR: %s", text);
	if (prefix < 1 || prefix > PREFIX_MAX)
		return err_set(err, -EINVAL, "prefix length needs to be 1-%d", PREFIX_MAX);
	host = ntohl(ret->network.s_addr) & (UINT32_MAX >> prefix);
	if (host) {
		struct in_addr network = { htonl(ntohl(ret->network.s_addr) - host) };

		(void)inet_ntop(AF_INET, &network, address, sizeof(address)); /* cannot fail */
		return err_set(err, -EINVAL,
			"CIDR needs to be a network address like %s/%ld, not like %s", address,
			prefix, text);
	}
	ret->prefix = (int)prefix;
	return 0;
}

static int parse_mac(const char *text, struct alone_options *ret, struct err *err)
{
	unsigned byte[6];
	char rest;

	if (strlen(text) != 17 || sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &byte[0], &byte[1],
					  &byte[2], &byte[3], &byte[4], &byte[5], &rest) != 6)
		return err_set(
			err, -EINVAL, "macaddress has to be a valid MAC address, not %s", text);
	for (int i = 0; i < 6; i++)
		ret->mac[i] = (uint8_t)byte[i];
	ret->has_mac = true;
	return 0;
}

/* An IPv4 address, or the interface that has it. */
static int parse_outbound(const char *text, struct in_addr *ret, struct err *err)
{
	struct ifreq ifr = { .ifr_addr = { .sa_family = AF_INET } };
	struct sockaddr_in sin;
	autofd int fd = -EBADF;

	if (inet_pton(AF_INET, text, ret) == 1)
		return 0;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "make a socket");
	(void)snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", text);
	if (strlen(text) >= sizeof(ifr.ifr_name) || ioctl(fd, SIOCGIFADDR, &ifr) < 0)
		return err_set(err, -EINVAL,
			"outbound-addr has to be an IPv4 address or an interface that has one, "
			"not '%s'",
			text);
	memcpy(&sin, &ifr.ifr_addr, sizeof(sin));
	*ret = sin.sin_addr;
	return 0;
}

enum {
	OPT_CIDR = 1000,
	OPT_NO_LOOPBACK,
	OPT_NETNS_TYPE,
	OPT_USERNS,
	OPT_SANDBOX,
	OPT_SECCOMP,
	OPT_OUTBOUND,
	OPT_OUTBOUND6,
	OPT_NO_DNS,
	OPT_MAC,
	OPT_TARGET_TYPE
};

static const struct option long_options[] = {
	{ "configure", no_argument, NULL, 'c' },
	{ "exit-fd", required_argument, NULL, 'e' },
	{ "ready-fd", required_argument, NULL, 'r' },
	{ "mtu", required_argument, NULL, 'm' },
	{ "enable-ipv6", no_argument, NULL, '6' },
	{ "api-socket", required_argument, NULL, 'a' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ "cidr", required_argument, NULL, OPT_CIDR },
	{ "disable-host-loopback", no_argument, NULL, OPT_NO_LOOPBACK },
	{ "no-host-loopback", no_argument, NULL, OPT_NO_LOOPBACK }, /* its older name */
	{ "netns-type", required_argument, NULL, OPT_NETNS_TYPE },
	{ "userns-path", required_argument, NULL, OPT_USERNS },
	{ "enable-sandbox", no_argument, NULL, OPT_SANDBOX },
	{ "create-sandbox", no_argument, NULL, OPT_SANDBOX },
	{ "enable-seccomp", no_argument, NULL, OPT_SECCOMP },
	{ "outbound-addr", required_argument, NULL, OPT_OUTBOUND },
	{ "outbound-addr6", required_argument, NULL, OPT_OUTBOUND6 },
	{ "disable-dns", no_argument, NULL, OPT_NO_DNS },
	{ "macaddress", required_argument, NULL, OPT_MAC },
	{ "target-type", required_argument, NULL, OPT_TARGET_TYPE },
	{ 0 },
};

static int parse_words(int option, struct alone_options *o, struct err *err)
{
	switch (option) {
	case OPT_NETNS_TYPE:
		o->by_path = strcmp(optarg, "path") == 0;
		if (!o->by_path && strcmp(optarg, "pid") != 0)
			return err_set(err, -EINVAL, "netns-type must be \"path\" or \"pid\"");
		return 0;
	case OPT_TARGET_TYPE:
		if (strcmp(optarg, "netns") != 0)
			return err_set(err, -EOPNOTSUPP,
				"target-type '%s': sbx-netstack serves network namespaces only",
				optarg);
		return 0;
	case OPT_USERNS:
		o->userns = optarg;
		if (access(optarg, F_OK) < 0)
			return err_sys(err, "userns-path '%s'", optarg);
		return 0;
	case OPT_OUTBOUND6:
		if (inet_pton(AF_INET6, optarg, &o->outbound6) != 1)
			return err_set(err, -EINVAL,
				"outbound-addr6 has to be an IPv6 address, not '%s'", optarg);
		return 0;
	case OPT_OUTBOUND:
		return parse_outbound(optarg, &o->outbound, err);
	case OPT_MAC:
		return parse_mac(optarg, o, err);
	case OPT_CIDR:
		return parse_cidr(optarg, o, err);
	default:
		return err_set(err, -EINVAL, "unknown option; see sbx-netstack --help");
	}
}

static int parse_option(int option, struct alone_options *o, struct err *err)
{
	switch (option) {
	case 'c':
		o->configure = true;
		return 0;
	case 'e':
		return parse_number("exit-fd", optarg, 0, INT32_MAX, &o->exit_fd, err);
	case 'r':
		return parse_number("ready-fd", optarg, 0, INT32_MAX, &o->ready_fd, err);
	case 'm':
		return parse_number("MTU", optarg, 576, MTU_MAX, &o->mtu, err);
	case 'a':
		o->api = optarg;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 'v':
		o->version = true;
		return 0;
	case '6':
		o->ipv6 = true;
		return 0;
	case OPT_NO_LOOPBACK:
		o->no_host_loopback = true;
		return 0;
	case OPT_NO_DNS:
		o->no_dns = true;
		return 0;
	case OPT_SANDBOX:
		o->sandbox = true;
		return 0;
	case OPT_SECCOMP: /* always */
		return 0;
	default:
		return parse_words(option, o, err);
	}
}

static int parse_target(int argc, char **argv, struct alone_options *o, struct err *err)
{
	int pid;

	if (argc - optind < 1 || argc - optind > 2)
		return err_set(err, -EINVAL, "want PID|PATH [TAPNAME]; see sbx-netstack --help");
	o->target = argv[optind];
	o->tap = argc - optind > 1 ? argv[optind + 1] : "tap0";
	if (strlen(o->tap) >= IF_NAMESIZE || !*o->tap)
		return err_set(err, -EINVAL, "'%s' cannot be the name of an interface", o->tap);
	if (!o->by_path)
		TRY(parse_number("PID", o->target, 1, INT32_MAX, &pid, err));
	if (o->has_mac && !o->configure)
		return err_set(err, -EINVAL, "--macaddress needs --configure");
	return 0;
}

int alone_parse(int argc, char **argv, struct alone_options *ret, struct err *err)
{
	struct alone_options o = { .exit_fd = -EBADF,
		.ready_fd = -EBADF,
		.mtu = DEFAULT_MTU,
		.network = { htonl(DEFAULT_NETWORK) },
		.prefix = DEFAULT_PREFIX };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "ce:r:m:a:6hv", long_options, NULL)) != -1)
		TRY(parse_option(c, &o, err));
	if (!o.help && !o.version)
		TRY(parse_target(argc, argv, &o, err));
	*ret = o;
	return 0;
}

const char *alone_help(void)
{
	return "usage: sbx-netstack [OPTION]... PID|PATH [TAPNAME]\n"
	       "User-mode networking for a network namespace, in slirp4netns' place.\n\n"
	       "-c, --configure            bring up the interface and lo\n"
	       "-e, --exit-fd=FD           end when something happens on this descriptor\n"
	       "-r, --ready-fd=FD          write \"1\" here and close it when ready\n"
	       "-m, --mtu=BYTES            576 to 65521; default 1500\n"
	       "-6, --enable-ipv6          fd00::/64; addresses by router advertisement\n"
	       "-a, --api-socket=PATH      add_hostfwd, list_hostfwd, remove_hostfwd\n"
	       "--cidr=CIDR                default 10.0.2.0/24\n"
	       "--disable-host-loopback    the gateway does not lead to the host's 127.0.0.1\n"
	       "--netns-type=pid|path      what the target is; default pid\n"
	       "--userns-path=PATH         user namespace of the target\n"
	       "--enable-sandbox           only /etc and /run are seen, no capabilities are kept\n"
	       "--enable-seccomp           accepted; the system calls are always limited\n"
	       "--outbound-addr=ADDRESS    or an interface: where connections come from\n"
	       "--outbound-addr6=ADDRESS   the same for IPv6\n"
	       "--disable-dns              no resolver at the network's third address\n"
	       "--macaddress=MAC           of the interface; needs --configure\n"
	       "--target-type=netns        the only one\n"
	       "-h, --help                 show this help and exit\n"
	       "-v, --version              show the version and exit\n";
}
