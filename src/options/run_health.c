/* SPDX-License-Identifier: Apache-2.0 */
/* Options of run and create that say how a container's health is checked. Targets begin with a struct
 * run_opts. Pure. */
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

#define NS_PER_MS 1000000

static struct health_opts *of(void *target)
{
	return &((struct run_opts *)target)->health;
}

/* 0 means the image's, or the default. */
static int duration(const char *name, const char *value, int64_t *slot, struct err *err)
{
	int64_t ns;

	TRY(parse_duration(value, &ns, err));
	if (ns < 0 || (ns > 0 && ns < NS_PER_MS))
		return err_set(err, -EINVAL, "%s cannot be less than 1ms", name);
	*slot = ns;
	return 0;
}

int call_health_interval(void *target, const char *value, struct err *err)
{
	return duration("health-interval", value, &of(target)->interval, err);
}

int call_health_timeout(void *target, const char *value, struct err *err)
{
	return duration("health-timeout", value, &of(target)->timeout, err);
}

int call_health_start_period(void *target, const char *value, struct err *err)
{
	return duration("health-start-period", value, &of(target)->start_period, err);
}

int call_health_start_interval(void *target, const char *value, struct err *err)
{
	return duration("health-start-interval", value, &of(target)->start_interval, err);
}

int call_health_retries(void *target, const char *value, struct err *err)
{
	int64_t n;

	TRY(opt_parse_int(value, &n, err));
	if (n < 0 || n > INT32_MAX)
		return err_set(err, -EINVAL, "--health-retries cannot be negative");
	of(target)->retries = n;
	return 0;
}

int check_health(const struct health_opts *o, struct err *err)
{
	if (o->none && (o->cmd || o->interval || o->timeout || o->start_period ||
			       o->start_interval || o->retries))
		return err_set(err, -EINVAL, "--no-healthcheck conflicts with --health-* options");
	return 0;
}
