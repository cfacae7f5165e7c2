/* SPDX-License-Identifier: Apache-2.0 */
#include "run_refused.h"

static void sizes_and_shares_are_docker_s(void **state)
{
	struct run_opts o = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(run_opts_parse(8,
				 ARGV("run", "-m64m", "--memory-swap=-1", "--cpus=0.5", "-c=512",
					 "--pids-limit=-1", "--cpuset-cpus=0-2,5", "image"),
				 &o, &err),
		0);
	assert_true(o.limits.memory == 64 << 20 && o.limits.memory_swap == -1);
	assert_true(o.limits.nano_cpus == 500000000 && o.limits.cpu_shares == 512);
	assert_int_equal(o.limits.pids, -1);
	assert_string_equal(o.limits.cpuset_cpus, "0-2,5");
	assert_false(o.limits.best_effort);
	run_opts_done(&o);
}

static void refused(const char *option, const char *says)
{
	refused_with("-q", option, says);
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	refused("--memory=1k", "6MB");
	refused("--memory-swap=1g", "set the Memory limit");
	refused("--cpus=", "as a rational number");
	refused("--cpus=1.", "as a rational number");
	refused("--cpus=0.001", "less than 0.01");
	refused("--cpu-shares=1", "between 2 and");
	refused("--cpuset-cpus=1-", "invalid value");
	refused("--cpuset-mems=a", "invalid value");
	refused("--oom-score-adj=2000", "between -1000");
	refused("--cgroup-parent=x", "--cgroup-parent");
	refused("--cgroup-parent=/a/../b", "--cgroup-parent");
	refused("--limits=maybe", "strict or best-effort");
}

TEST_MAIN(cmocka_unit_test(sizes_and_shares_are_docker_s), cmocka_unit_test(nonsense_is_refused))
