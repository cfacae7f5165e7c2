/* SPDX-License-Identifier: Apache-2.0 */
#include "run_refused.h"

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

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused_with("--device=x", "-q", "absolute");
	refused_with("--device=/dev/a:/proc/x", "-q", "no place for a device");
	refused_with("--device=/dev/a:/dev/b:z", "-q", "bad mode");
	refused_with("--expose=0", "-q", "--expose");
	refused_with("--expose=80/icmp", "-q", "--expose");
	refused_with("--sysctl=kernel.panic=1", "-q", "not of a namespace");
	refused_with("--sysctl=net/a=1", "-q", "dots");
	refused_with("--sysctl=net.a=1", "--network=host", "network of the host");
	refused_with("--sysctl=kernel.sem=1", "--ipc=host", "IPC mode of the host");
	refused_with("--uts=host", "--hostname=a", "conflicting");
	refused_with("--runtime=runc", "-q", "only sbx");
	refused_with("--volume-driver=nfs", "-q", "only local");
	refused_with("--label-file=/nonexistent", "-q", "open /nonexistent");
	refused_with("--annotation=a", "-q", "NAME=VALUE");
	refused_with("--timeout=-1", "-q", "number of seconds");
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
	refused_with("--policy-learn=", "-q", "file name");
}

TEST_MAIN(cmocka_unit_test(devices_ports_and_parameters_are_kept),
	cmocka_unit_test(a_report_and_a_policy_to_learn_are_asked_for),
	cmocka_unit_test(nonsense_is_refused))
