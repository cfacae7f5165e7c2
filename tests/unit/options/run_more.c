/* SPDX-License-Identifier: Apache-2.0 */
#include "options/options.h"

#include <errno.h>
#include <string.h>

#include "harness.h"

#define ARGV(...) ((char **)(const char *[]){ __VA_ARGS__, NULL })

static void devices_ports_and_parameters_are_kept(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_opts_parse(9,
				 ARGV("run", "--device=/dev/a:/dev/b:r", "--device=/dev/c:rw",
					 "--device=/dev/d", "--expose=80", "--expose=5-6/udp",
					 "--sysctl=net.a=1", "--sysctl=net.a=2", "image"),
				 &o, &err),
		0);
	assert_string_equal(o.devices.v[0], "/dev/a:/dev/b");
	assert_string_equal(o.devices.v[1], "/dev/c:/dev/c");
	assert_string_equal(o.devices.v[2], "/dev/d:/dev/d");
	assert_string_equal(o.expose.v[2], "6/udp");
	assert_int_equal(o.sysctls.n, 1);
	assert_string_equal(o.sysctls.v[0], "net.a=2");
	run_opts_done(&o);
}

static void refused(const char *a, const char *b, const char *says)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	assert_true(run_opts_parse(4, ARGV("run", a, b, "image"), &o, &err) < 0);
	if (!strstr(err.text, says))
		fail_msg("%s: %s", a, err.text);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused("--device=x", "-q", "absolute");
	refused("--device=/dev/a:/proc/x", "-q", "no place for a device");
	refused("--device=/dev/a:/dev/b:z", "-q", "bad mode");
	refused("--expose=0", "-q", "--expose");
	refused("--expose=80/icmp", "-q", "--expose");
	refused("--sysctl=kernel.panic=1", "-q", "not of a namespace");
	refused("--sysctl=net/a=1", "-q", "dots");
	refused("--sysctl=net.a=1", "--network=host", "network of the host");
	refused("--sysctl=kernel.sem=1", "--ipc=host", "IPC mode of the host");
	refused("--uts=host", "--hostname=a", "conflicting");
	refused("--runtime=runc", "-q", "only sbx");
	refused("--volume-driver=nfs", "-q", "only local");
	refused("--label-file=/nonexistent", "-q", "open /nonexistent");
	refused("--annotation=a", "-q", "NAME=VALUE");
	refused("--timeout=-1", "-q", "number of seconds");
}

static void a_report_and_a_policy_to_learn_are_asked_for(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_opts_parse(4, ARGV("run", "--report", "--policy-learn=/a/b", "image"),
				 &o, &err),
		0);
	assert_true(o.report);
	assert_string_equal(o.policy_learn, "/a/b");
	run_opts_done(&o);
	refused("--policy-learn=", "-q", "file name");
}

TEST_MAIN(cmocka_unit_test(devices_ports_and_parameters_are_kept),
	cmocka_unit_test(a_report_and_a_policy_to_learn_are_asked_for),
	cmocka_unit_test(nonsense_is_refused))
