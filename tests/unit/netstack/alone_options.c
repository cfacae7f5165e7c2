/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "harness.h"
#include "netstack/alone.h"

#define WORDS_MAX 16

static int parse(const char *line, struct alone_options *ret, struct err *err)
{
	static char text[512];
	char *argv[WORDS_MAX + 1] = { (char *)(uintptr_t) "sbx-netstack" };
	int argc = 1;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *rest = text, *word; (word = strsep(&rest, " ")) && argc < WORDS_MAX;) {
		if (*word)
			argv[argc++] = word;
	}
	argv[argc] = NULL;
	optind = 0; /* anew */
	*err = (struct err)ERR_INIT;
	return alone_parse(argc, argv, ret, err);
}

static void assert_refused(const char *line, const char *says)
{
	struct alone_options o;
	struct err err;

	assert_true(parse(line, &o, &err) < 0);
	if (!strstr(err.text, says))
		fail_msg("'%s' says: %s", line, err.text);
}

static void what_rootlesskit_and_podman_say_is_understood(void **state)
{
	struct alone_options o;
	struct err err;

	assert_int_equal(parse("--mtu=65520 -c -r 3 -e 4 --disable-host-loopback --enable-sandbox "
			       "--enable-seccomp --enable-ipv6 --api-socket /x 12 tap5",
				 &o, &err),
		0);
	assert_int_equal(o.mtu, 65520);
	assert_true(o.configure && o.no_host_loopback && o.sandbox && o.ipv6 && !o.by_path);
	assert_int_equal(o.ready_fd, 3);
	assert_int_equal(o.exit_fd, 4);
	assert_string_equal(o.api, "/x");
	assert_string_equal(o.target, "12");
	assert_string_equal(o.tap, "tap5");
	assert_int_equal(parse("--netns-type=path /some/where", &o, &err), 0);
	assert_true(o.by_path);
	assert_string_equal(o.tap, "tap0");
}

static void addresses_come_from_the_cidr(void **state)
{
	struct alone_options o;
	struct err err;

	assert_int_equal(parse("1", &o, &err), 0);
	assert_int_equal(alone_address(&o, ALONE_GUEST).s_addr, inet_addr("10.0.2.100"));
	assert_int_equal(parse("--cidr 10.0.135.128/25 1", &o, &err), 0);
	assert_int_equal(alone_address(&o, ALONE_GUEST).s_addr, inet_addr("10.0.135.228"));
	assert_int_equal(alone_address(&o, ALONE_GATEWAY).s_addr, inet_addr("10.0.135.130"));
	assert_refused("--cidr 24 1", "invalid CIDR");
	assert_refused("--cidr foo 1", "invalid CIDR");
	assert_refused("--cidr 10.0.2.0 1", "invalid CIDR");
	assert_refused("--cidr 10.0.2.100/24 1",
		"CIDR needs to be a network address like 10.0.2.0/24, not like 10.0.2.100/24");
	assert_refused("--cidr 10.0.2.0/26 1", "prefix length needs to be 1-25");
}

static void what_cannot_be_is_refused(void **state)
{
	assert_refused("", "PID|PATH");
	assert_refused("0", "PID");
	assert_refused("1x", "PID");
	assert_refused("1 tap0 more", "PID|PATH");
	assert_refused("1 averyveryverylongname", "interface");
	assert_refused("--mtu=70000 1", "MTU");
	assert_refused("-e x 1", "exit-fd");
	assert_refused("--netns-type=x 1", "netns-type");
	assert_refused("--target-type=bess 1", "bess");
	assert_refused("--macaddress 02:00:00:00:00:01 1", "--configure");
	assert_refused("-c --macaddress 02:00 1", "MAC");
	assert_refused("--outbound-addr no-such-if 1", "outbound-addr");
	assert_refused("--userns-path=/nowhere 1", "/nowhere");
	assert_refused("--what 1", "--help");
}

TEST_MAIN(cmocka_unit_test(what_rootlesskit_and_podman_say_is_understood),
	cmocka_unit_test(addresses_come_from_the_cidr), cmocka_unit_test(what_cannot_be_is_refused))
