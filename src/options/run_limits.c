/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run and create about resources. Targets begin with a struct run_opts. Pure: whether a limit
 * can be enforced here is found out when the container starts (src/process/cgroup.h). */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

#define MEMORY_MIN (6LL << 20) /* Docker's: less than that starts nothing */

static struct limits *of(void *target)
{
	return &((struct run_opts *)target)->limits;
}

int call_memory(void *target, const char *value, struct err *err)
{
	int64_t n;

	TRY(parse_size(value, &n, err));
	if (n && n < MEMORY_MIN)
		return err_set(err, -EINVAL, "Minimum memory limit allowed is 6MB");
	of(target)->memory = n;
	return 0;
}

int call_memory_swap(void *target, const char *value, struct err *err)
{
	if (strcmp(value, "-1") == 0) {
		of(target)->memory_swap = -1;
		return 0;
	}
	return parse_size(value, &of(target)->memory_swap, err);
}

int call_memory_reservation(void *target, const char *value, struct err *err)
{
	return parse_size(value, &of(target)->memory_reservation, err);
}

/* "1.5" → 1500000000, as Docker's NanoCPUs: at most nine digits behind the point. */
int call_cpus(void *target, const char *value, struct err *err)
{
	size_t whole = strspn(value, "0123456789"), part = 0;
	int64_t scale = 1000000000, n = 0;

	if (value[whole] == '.')
		part = strspn(value + whole + 1, "0123456789");
	if (value[whole + (part ? part + 1 : 0)] || whole + part == 0 || whole > 6 || part > 9)
		return err_set(err, -EINVAL, "failed to parse %s as a rational number", value);
	for (size_t i = 0; i < whole; i++)
		n = n * 10 + (value[i] - '0');
	n *= scale;
	for (size_t i = 0; i < part; i++)
		n += (value[whole + 1 + i] - '0') * (scale /= 10);
	if (n && n < 10000000)
		return err_set(err, -EINVAL, "--cpus: %s is less than 0.01", value);
	of(target)->nano_cpus = n;
	return 0;
}

static int in_range(
	const char *name, const char *value, const int64_t range[2], int64_t *slot, struct err *err)
{
	int64_t n;

	TRY(opt_parse_int(value, &n, err));
	if (n != 0 && (n < range[0] || n > range[1]))
		return err_set(err, -ERANGE, "--%s must be between %lld and %lld, not %s", name,
			(long long)range[0], (long long)range[1], value);
	*slot = n;
	return 0;
}

int call_cpu_shares(void *target, const char *value, struct err *err)
{
	return in_range(
		"cpu-shares", value, (const int64_t[]){ 2, 262144 }, &of(target)->cpu_shares, err);
}

int call_cpu_period(void *target, const char *value, struct err *err)
{
	return in_range("cpu-period", value, (const int64_t[]){ 1000, 1000000 },
		&of(target)->cpu_period, err);
}

int call_cpu_quota(void *target, const char *value, struct err *err)
{
	return in_range("cpu-quota", value, (const int64_t[]){ -1, INT64_MAX },
		&of(target)->cpu_quota, err);
}

int call_blkio_weight(void *target, const char *value, struct err *err)
{
	return in_range("blkio-weight", value, (const int64_t[]){ 10, 1000 },
		&of(target)->blkio_weight, err);
}

/* 0 and -1 mean no limit. */
int call_pids_limit(void *target, const char *value, struct err *err)
{
	return in_range(
		"pids-limit", value, (const int64_t[]){ -1, 4194304 }, &of(target)->pids, err);
}

int call_oom_score_adj(void *target, const char *value, struct err *err)
{
	return in_range("oom-score-adj", value, (const int64_t[]){ -1000, 1000 },
		&of(target)->oom_score_adj, err);
}

/* "0-2,5" */
static int cpu_list(const char *what, const char *value, char **slot, struct err *err)
{
	const char *s = value;

	for (;;) {
		char *end;
		long first = strtol(s, &end, 10), last = first;

		if (*s < '0' || *s > '9')
			break;
		if (*end == '-' && end[1] >= '0' && end[1] <= '9')
			last = strtol(end + 1, &end, 10);
		if (last < first || last > 8191)
			break;
		if (!*end) {
			free(*slot);
			*slot = xstrdup(value);
			return 0;
		}
		if (*end != ',')
			break;
		s = end + 1;
	}
	return err_set(err, -EINVAL, "invalid value %s for %s", value, what);
}

int call_cpuset_cpus(void *target, const char *value, struct err *err)
{
	return cpu_list("cpuset cpus", value, &of(target)->cpuset_cpus, err);
}

int call_cpuset_mems(void *target, const char *value, struct err *err)
{
	return cpu_list("cpuset mems", value, &of(target)->cpuset_mems, err);
}

int call_cgroup_parent(void *target, const char *value, struct err *err)
{
	struct limits *l = of(target);

	if (*value != '/' || strstr(value, "/../"))
		return err_set(err, -EINVAL,
			"--cgroup-parent %s: the path of a cgroup below the mount point of "
			"cgroup2, as in /proc/self/cgroup",
			value);
	free(l->cgroup_parent);
	l->cgroup_parent = xstrdup(value);
	return 0;
}

int call_limits(void *target, const char *value, struct err *err)
{
	if (strcmp(value, "strict") != 0 && strcmp(value, "best-effort") != 0)
		return err_set(err, -EINVAL, "must be strict or best-effort");
	of(target)->best_effort = strcmp(value, "best-effort") == 0;
	return 0;
}

int check_limits(const struct limits *l, struct err *err)
{
	if (l->memory_swap > 0 && !l->memory)
		return err_set(err, -EINVAL,
			"You should always set the Memory limit when using Memoryswap limit");
	if (l->memory_swap > 0 && l->memory_swap < l->memory)
		return err_set(err, -EINVAL,
			"Minimum memoryswap limit should be larger than memory limit");
	if (l->memory && l->memory_reservation > l->memory)
		return err_set(err, -EINVAL,
			"Minimum memory limit can not be less than memory reservation limit");
	if (l->nano_cpus && (l->cpu_quota || l->cpu_period))
		return err_set(err, -EINVAL,
			"conflicting options: --cpus cannot be used with --cpu-period or "
			"--cpu-quota");
	return 0;
}

void limits_done(struct limits *l)
{
	free(l->cpuset_cpus);
	free(l->cpuset_mems);
	free(l->cgroup_parent);
	*l = (struct limits){ 0 };
}
