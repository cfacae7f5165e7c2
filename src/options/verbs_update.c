/* SPDX-License-Identifier: Apache-2.0 */
/* Options of update: the rows of run that can be changed later, with run's own calls. */
#include "options/internal.h"
#include "options/options.h"

#include <errno.h>
#include <stddef.h>

#include "base/own.h"
#include "base/xalloc.h"

_Static_assert(offsetof(struct update_opts, run) == 0, "the calls of run expect a struct run_opts");

static int update_restart(void *target, const char *value, struct err *err)
{
	struct run_opts *o = target;

	return parse_restart(value, &o->restart, &o->restart_max, err);
}

const struct opt update_table[] = {
	OPT_CALL(0, "blkio-weight", call_blkio_weight, "N", "Share of disk time, 10 to 1000"),
	OPT_CALL(0, "cpu-period", call_cpu_period, "MICROSECONDS", "Period of --cpu-quota"),
	OPT_CALL(0, "cpu-quota", call_cpu_quota, "MICROSECONDS", "Processor time per period"),
	OPT_CALL('c', "cpu-shares", call_cpu_shares, "N", "Share of processor time, 2 to 262144"),
	OPT_CALL(0, "cpus", call_cpus, "N", "Processors' worth of time, like 1.5"),
	OPT_CALL(0, "cpuset-cpus", call_cpuset_cpus, "LIST", "Processors to run on, like 0-2,5"),
	OPT_CALL(0, "cpuset-mems", call_cpuset_mems, "LIST", "Memory nodes to use, like 0,1"),
	OPT_CALL('m', "memory", call_memory, "SIZE", "Limit of memory"),
	OPT_CALL(0, "memory-reservation", call_memory_reservation, "SIZE",
		"Memory that is taken away last"),
	OPT_CALL(0, "memory-swap", call_memory_swap, "SIZE",
		"Limit of memory and swap together; -1: no limit of swap"),
	OPT_CALL(0, "pids-limit", call_pids_limit, "N", "Limit of processes and threads; -1: none"),
	OPT_CALL(0, "restart", update_restart, "POLICY",
		"no, on-failure[:N], always or unless-stopped"),
	OPT_END,
};

static void note(void *target, const struct opt *opt, const char *value)
{
	struct update_opts *o = target;

	strv_addf(&o->given, "--%s=%s", opt->name, value);
}

int update_opts_parse(int argc, char **argv, struct update_opts *ret, struct err *err)
{
	struct opt_spec spec = command_by_id(CMD_UPDATE)->spec;
	struct update_opts o = { 0 };
	int r;

	(void)argc;
	spec.note = note;
	r = opt_parse(&spec, argv, &o, &o.containers, err);
	if (r == 0 && o.given.n == 0)
		r = err_set(
			err, -EINVAL, "you must provide one or more flags when using this command");
	if (r < 0)
		update_opts_done(&o);
	else
		*ret = o;
	return r;
}

void update_opts_done(struct update_opts *o)
{
	run_opts_done(&o->run);
	strv_done(&o->given);
	strv_done(&o->containers);
}
