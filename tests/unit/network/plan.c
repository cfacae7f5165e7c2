/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "network/network.h"

static const struct globals globals = { 0 };

static struct network plan(const struct run_opts *opts, const struct strv *exposed)
{
	struct network net = NETWORK_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(network_plan(&globals, opts, exposed, &net, &err), 0);
	return net;
}

static void refuse(const struct run_opts *opts, int code, const char *text)
{
	struct network net = NETWORK_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(network_plan(&globals, opts, NULL, &net, &err), code);
	assert_non_null(strstr(err.text, text));
}

static void names_of_networks_are_known_or_refused(void **state)
{
	struct network net = plan(&(struct run_opts){ 0 }, NULL);

	assert_int_equal(net.kind, NETWORK_BRIDGE);
	assert_string_equal(net.name, "bridge");
	net = plan(&(struct run_opts){ .network = (char[]){ "default" } }, NULL);
	assert_string_equal(net.name, "bridge");
	net = plan(&(struct run_opts){ .network = (char[]){ "none" } }, NULL);
	assert_int_equal(net.kind, NETWORK_NONE);
	net = plan(&(struct run_opts){ .network = (char[]){ "host" } }, NULL);
	assert_int_equal(net.kind, NETWORK_HOST);
	refuse(&(struct run_opts){ .network = (char[]){ "nope" } }, -ENOENT,
		"network nope not found");
}

static void endpoints_of_built_in_networks_are_not_chosen(void **state)
{
	struct run_opts opts = { .ip = (char[]){ "10.88.0.9" } };
	struct network net;

	refuse(&opts, -EINVAL,
		"user specified IP address is supported on user defined networks only");
	opts.ip = (char[]){ "10.88.0" };
	refuse(&opts, -EINVAL, "invalid IPv4 address");
	opts.ip = NULL;
	strv_add(&opts.network_alias, "db");
	refuse(&opts, -EINVAL, "network-scoped alias is supported only");
	strv_done(&opts.network_alias);
	opts.mac_address = (char[]){ "02:42:ac:11:00:0g" };
	refuse(&opts, -EINVAL, "not a valid mac address");
	opts.mac_address = (char[]){ "03:42:ac:11:00:02" };
	refuse(&opts, -EINVAL, "not the MAC address of one interface");
	opts.mac_address = (char[]){ "02:42:ac:11:00:02" };
	net = plan(&opts, NULL);
	assert_memory_equal(net.mac, "\x02\x42\xac\x11\x00\x02", 6);
	network_done(&net);
	opts.network = (char[]){ "host" };
	opts.mac_address = NULL;
	strv_add(&opts.links, "db");
	refuse(&opts, -EINVAL, "host type networking can't be used with links");
	strv_done(&opts.links);
}

static void what_a_shared_network_fixes_cannot_be_chosen(void **state)
{
	struct publish port = { .host_port = 8080, .port = 80 };
	struct run_opts opts = { .network = (char[]){ "container:db" } };
	struct network net = plan(&opts, NULL);

	assert_int_equal(net.kind, NETWORK_CONTAINER);
	assert_string_equal(net.target, "db");
	network_done(&net);
	opts.hostname = (char[]){ "me" };
	refuse(&opts, -EINVAL, "conflicting options: hostname and the network mode");
	opts.hostname = NULL;
	opts.publish_all = true;
	refuse(&opts, -EINVAL,
		"conflicting options: port publishing and the container type network mode");
	opts.publish_all = false;
	opts.ports = &port;
	opts.n_ports = 1;
	refuse(&opts, -EINVAL,
		"conflicting options: port publishing and the container type network mode");
	opts.n_ports = 0;
	strv_add(&opts.dns, "9.9.9.9");
	refuse(&opts, -EINVAL, "conflicting options: dns and the network mode");
	strv_done(&opts.dns);
	strv_add(&opts.add_host, "db:10.0.0.5");
	refuse(&opts, -EINVAL,
		"conflicting options: custom host-to-IP mapping and the network mode");
	strv_done(&opts.add_host);
	opts.network = (char[]){ "container:" };
	refuse(&opts, -EINVAL, "invalid container format");
}

static void ports_are_ignored_without_a_network_of_its_own(void **state)
{
	struct publish port = { .host_port = 8080, .port = 80 };
	struct run_opts opts = { .network = (char[]){ "host" }, .ports = &port, .n_ports = 1 };
	struct network net = plan(&opts, NULL);

	assert_int_equal(net.n_ports, 0);
}

static void publish_all_adds_what_is_not_published_yet(void **state)
{
	struct publish port = { .host_port = 8080, .port = 80 };
	struct run_opts opts = { .ports = &port, .n_ports = 1, .publish_all = true };
	struct strv exposed = STRV_INIT;
	struct network net;

	strv_add(&exposed, "80/tcp");
	strv_add(&exposed, "80/udp");
	strv_add(&exposed, "6379");
	net = plan(&opts, &exposed);
	assert_int_equal(net.n_ports, 3);
	assert_int_equal(net.ports[0].host_port, 8080);
	assert_int_equal(net.ports[1].proto, PUBLISH_UDP);
	assert_int_equal(net.ports[2].port, 6379);
	assert_int_equal(net.ports[2].host_port, 0);
	network_done(&net);
	strv_done(&exposed);
}

static void exposed_nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "", "x", "0/tcp", "65536/tcp", "80/icmp", "-5",
		"80/tcpx" };
	struct run_opts opts = { .publish_all = true };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct strv exposed = STRV_INIT;
		struct network net = NETWORK_INIT;
		struct err err = ERR_INIT;

		strv_add(&exposed, bad[i]);
		assert_int_equal(network_plan(&globals, &opts, &exposed, &net, &err), -EINVAL);
		strv_done(&exposed);
	}
}

static void sctp_ports_are_refused(void **state)
{
	struct publish port = { .host_port = 8080, .port = 80, .proto = PUBLISH_SCTP };

	refuse(&(struct run_opts){ .ports = &port, .n_ports = 1 }, -EOPNOTSUPP, "sctp");
}

static void a_host_port_is_published_once_in_a_command(void **state)
{
	struct publish ports[] = { { .host_port = 8080, .port = 80 },
		{ .host_port = 8080, .port = 81 },
		{ .host_port = 8080, .port = 53, .proto = PUBLISH_UDP },
		{ .host_port = 8080, .port = 80, .host_ip = "127.0.0.1" } };
	struct run_opts opts = { .ports = ports, .n_ports = 2 };
	struct network autonetwork net = NETWORK_INIT;
	struct err err = ERR_INIT;

	refuse(&opts, -EINVAL,
		"port 8080 of the host is published twice in this command, for 80 and for 81");
	ports[1] = ports[3];
	refuse(&opts, -EINVAL, "published twice");
	ports[1] = ports[0]; /* the same words again */
	opts.n_ports = 3;
	assert_int_equal(network_plan(&globals, &opts, NULL, &net, &err), 0);
	assert_int_equal(net.n_ports, 2);
	assert_int_equal(net.ports[1].proto, PUBLISH_UDP);
}

static void ports_of_the_hosts_loopback_are_opened_one_by_one(void **state)
{
	struct run_opts opts = { .network = (char *)"bridge:host-loopback=5432,80" };
	struct network autonetwork net = NETWORK_INIT;
	struct err err = ERR_INIT;

	assert_int_equal(network_plan(&globals, &opts, NULL, &net, &err), 0);
	assert_string_equal(net.name, "bridge");
	assert_int_equal(net.loopback.n, 2);
	assert_int_equal(net.loopback.port[0], 5432);
	assert_false(net.loopback.all);
	opts.network = (char *)"bridge:host-loopback";
	assert_int_equal(network_plan(&globals, &opts, NULL, &net, &err), 0);
	assert_true(net.loopback.all);
	opts.network = (char *)"none:host-loopback";
	refuse(&opts, -EINVAL, "conflicting options: --host-loopback and the network mode none");
	opts.network = (char *)"bridge:host-loopback=x";
	refuse(&opts, -EINVAL, "want PORT[,PORT]");
	opts.network = (char *)"bridge:host-loopbacks";
	refuse(&opts, -EINVAL, "want NETWORK:host-loopback");
}

static void servers_and_hosts_are_checked(void **state)
{
	struct run_opts opts = { 0 };

	strv_add(&opts.dns, "dns.example");
	refuse(&opts, -EINVAL, "--dns dns.example");
	strv_done(&opts.dns);
	strv_add(&opts.dns_search, "a\nnameserver 6.6.6.6");
	refuse(&opts, -EINVAL, "is not a valid domain");
	strv_done(&opts.dns_search);
	strv_add(&opts.dns_option, "ndots:1 x");
	refuse(&opts, -EINVAL, "--dns-option");
	strv_done(&opts.dns_option);
	strv_add(&opts.add_host, "db:not-an-address");
	refuse(&opts, -EINVAL, "--add-host db:not-an-address");
	strv_done(&opts.add_host);
	strv_add(&opts.add_host, "a b:1.2.3.4"); /* would be two names of one line */
	refuse(&opts, -EINVAL, "--add-host");
	strv_done(&opts.add_host);
	strv_add(&opts.add_host, "evil:1.2.3.4\n6.6.6.6");
	refuse(&opts, -EINVAL, "--add-host");
	strv_done(&opts.add_host);
}

static int clear_bind(void **state)
{
	return unsetenv("SBX_DEFAULT_BIND");
}

static void the_default_address_can_be_chosen(void **state)
{
	struct publish ports[2] = { { .port = 80 }, { .port = 81, .host_ip = "192.0.2.2" } };
	struct run_opts opts = { .ports = ports, .n_ports = 2 };
	struct network net;

	assert_int_equal(setenv("SBX_DEFAULT_BIND", "127.0.0.1", 1), 0);
	net = plan(&opts, NULL);
	assert_string_equal(net.ports[0].host_ip, "127.0.0.1");
	assert_string_equal(net.ports[1].host_ip, "192.0.2.2");
	network_done(&net);
	assert_int_equal(setenv("SBX_DEFAULT_BIND", "somewhere", 1), 0);
	refuse(&opts, -EINVAL, "not an IP address");
}

TEST_MAIN(cmocka_unit_test(endpoints_of_built_in_networks_are_not_chosen),
	cmocka_unit_test(names_of_networks_are_known_or_refused),
	cmocka_unit_test(what_a_shared_network_fixes_cannot_be_chosen),
	cmocka_unit_test(ports_are_ignored_without_a_network_of_its_own),
	cmocka_unit_test(publish_all_adds_what_is_not_published_yet),
	cmocka_unit_test(exposed_nonsense_is_refused), cmocka_unit_test(sctp_ports_are_refused),
	cmocka_unit_test(a_host_port_is_published_once_in_a_command),
	cmocka_unit_test(ports_of_the_hosts_loopback_are_opened_one_by_one),
	cmocka_unit_test(servers_and_hosts_are_checked),
	cmocka_unit_test_teardown(the_default_address_can_be_chosen, clear_bind))
