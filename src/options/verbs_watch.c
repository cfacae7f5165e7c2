/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that watch, hold and change running containers: events, pause, unpause. See
 * verbs.h. */
#include "options/verbs.h"
#include "options/internal.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "base/own.h"
#include "base/xalloc.h"

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* ---- events ---- */

static int events_since(void *target, const char *value, struct err *err)
{
	return parse_time(value, now_ns(), &((struct events_opts *)target)->since, err);
}

static int events_until(void *target, const char *value, struct err *err)
{
	return parse_time(value, now_ns(), &((struct events_opts *)target)->until, err);
}

static int events_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct events_opts *)target)->filters, value);
	return 0;
}

const struct opt events_table[] = {
	OPT_CALL('f', "filter", events_filter, "NAME=VALUE", "Show only events that match"),
	OPT_STRING(0, "format", struct events_opts, format, "TEMPLATE", "json or a Go template"),
	OPT_CALL(0, "since", events_since, "TIME",
		"Begin with what happened since a time or a duration ago"),
	OPT_CALL(0, "until", events_until, "TIME", "End at a time or a duration ago"),
	OPT_END,
};

int events_opts_parse(int argc, char **argv, struct events_opts *ret, struct err *err)
{
	struct events_opts o = { .since = INT64_MAX, .until = INT64_MAX };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(CMD_EVENTS, argv, &o, &none, err);

	(void)argc;
	if (r < 0)
		events_opts_done(&o);
	else
		*ret = o;
	return r;
}

void events_opts_done(struct events_opts *o)
{
	strv_done(&o->filters);
	free(o->format);
	*o = (struct events_opts){ 0 };
}

/* ---- stats ---- */

const struct opt stats_table[] = {
	OPT_FLAG('a', "all", struct stats_opts, all, "Stopped containers too"),
	OPT_STRING(0, "format", struct stats_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG(0, "no-stream", struct stats_opts, no_stream, "Show it once and end"),
	OPT_FLAG(0, "no-trunc", struct stats_opts, no_trunc, "Do not shorten ids"),
	OPT_END,
};

int stats_opts_parse(int argc, char **argv, struct stats_opts *ret, struct err *err)
{
	struct stats_opts o = { 0 };
	int r = opt_parse_command(CMD_STATS, argv, &o, &o.containers, err);

	(void)argc;
	if (r < 0)
		stats_opts_done(&o);
	else
		*ret = o;
	return r;
}

void stats_opts_done(struct stats_opts *o)
{
	free(o->format);
	strv_done(&o->containers);
	*o = (struct stats_opts){ 0 };
}

/* ---- pause, unpause ---- */

int pause_opts_parse(int argc, char **argv, struct pause_opts *ret, struct err *err)
{
	(void)argc;
	return opt_parse_command(CMD_PAUSE, argv, ret, &ret->containers, err);
}

int unpause_opts_parse(int argc, char **argv, struct pause_opts *ret, struct err *err)
{
	(void)argc;
	return opt_parse_command(CMD_UNPAUSE, argv, ret, &ret->containers, err);
}

void pause_opts_done(struct pause_opts *o)
{
	strv_done(&o->containers);
}
