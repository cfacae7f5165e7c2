/* SPDX-License-Identifier: Apache-2.0 */
/* Options of every command but run: tables, and functions that turn them and the operands into a
 * struct. See verbs.h. */
#include "options/verbs.h"
#include "options/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "base/xalloc.h"

int parse_stop_timeout(const char *value, int64_t *ret, struct err *err)
{
	int64_t n;

	TRY(opt_parse_int(value, &n, err));
	if (n > 10LL * 365 * 24 * 3600)
		return err_set(err, -ERANGE, "%s seconds are more than ten years", value);
	*ret = n < 0 ? INT64_MAX : n;
	return 0;
}

static char *take_operand(struct strv *operands, size_t i)
{
	return i < operands->n ? xstrdup(operands->v[i]) : NULL;
}

int check_filter(const char *value, struct err *err)
{
	if (!strchr(value, '=') || *value == '=')
		return err_set(err, -EINVAL, "bad format of filter (expected name=value)");
	return 0;
}

/* ---- ps ---- */

static int ps_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct ps_opts *)target)->filters, value);
	return 0;
}

const struct opt ps_table[] = {
	OPT_FLAG('a', "all", struct ps_opts, all, "Show all containers, not only running ones"),
	OPT_CALL('f', "filter", ps_filter, "NAME=VALUE", "Show only containers that match"),
	OPT_STRING(0, "format", struct ps_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_INT('n', "last", struct ps_opts, last, "N",
		"Show the N containers made last, in all states"),
	OPT_FLAG('l', "latest", struct ps_opts, latest,
		"Show the container made last, in all states"),
	OPT_FLAG(0, "no-trunc", struct ps_opts, no_trunc, "Do not shorten ids and commands"),
	OPT_FLAG('q', "quiet", struct ps_opts, quiet, "Print ids only"),
	OPT_FLAG('s', "size", struct ps_opts, size, "Show how much each container has written"),
	OPT_END,
};

int ps_opts_parse(int argc, char **argv, struct ps_opts *ret, struct err *err)
{
	struct ps_opts o = { .last = -1 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(CMD_PS, argv, &o, &none, err);

	(void)argc;
	if (r < 0)
		ps_opts_done(&o);
	else
		*ret = o;
	return r;
}

void ps_opts_done(struct ps_opts *o)
{
	strv_done(&o->filters);
	free(o->format);
	*o = (struct ps_opts){ 0 };
}

/* ---- logs ---- */

static int64_t now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int logs_since(void *target, const char *value, struct err *err)
{
	return parse_time(value, now_ns(), &((struct logs_opts *)target)->since, err);
}

static int logs_until(void *target, const char *value, struct err *err)
{
	return parse_time(value, now_ns(), &((struct logs_opts *)target)->until, err);
}

static int logs_tail(void *target, const char *value, struct err *err)
{
	int64_t n = -1;

	if (strcmp(value, "all") != 0)
		TRY(opt_parse_int(value, &n, err));
	((struct logs_opts *)target)->tail = n < 0 ? -1 : n;
	return 0;
}

const struct opt logs_table[] = {
	OPT_FLAG(0, "details", struct logs_opts, details,
		"Show attributes of each line; there are none"),
	OPT_FLAG('f', "follow", struct logs_opts, follow, "Go on until the container ends"),
	OPT_FLAG(0, "net", struct logs_opts, net,
		"Show what it reached on the network, not its output"),
	OPT_CALL(0, "since", logs_since, "TIME", "Show lines since a time or a duration ago (10m)"),
	OPT_CALL('n', "tail", logs_tail, "N", "Show the last N lines (default all)"),
	OPT_FLAG('t', "timestamps", struct logs_opts, timestamps, "Show the time of each line"),
	OPT_CALL(0, "until", logs_until, "TIME", "Show lines before a time or a duration ago"),
	OPT_END,
};

int logs_opts_parse(int argc, char **argv, struct logs_opts *ret, struct err *err)
{
	struct logs_opts o = { .tail = -1, .since = INT64_MIN, .until = INT64_MAX };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_LOGS, argv, &o, &operands, err);

	(void)argc;
	if (r < 0)
		return r;
	o.container = take_operand(&operands, 0);
	*ret = o;
	return 0;
}

void logs_opts_done(struct logs_opts *o)
{
	free(o->container);
	*o = (struct logs_opts){ 0 };
}

/* ---- exec ---- */

struct exec_raw {
	struct exec_opts opts; /* env: from files */
	struct strv env;       /* from -e */
};

static int exec_env(void *target, const char *value, struct err *err)
{
	return parse_env(value, &((struct exec_raw *)target)->env, err);
}

static int exec_env_file(void *target, const char *value, struct err *err)
{
	return parse_env_file(value, &((struct exec_raw *)target)->opts.env, err);
}

static int exec_workdir(void *target, const char *value, struct err *err)
{
	char **slot = &((struct exec_raw *)target)->opts.workdir;

	if (*value != '/')
		return err_set(err, -EINVAL, "the working directory must be an absolute path");
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

const struct opt exec_table[] = {
	OPT_FLAG('d', "detach", struct exec_raw, opts.detach, "Run in the background"),
	OPT_STRING(0, "detach-keys", struct exec_raw, opts.detach_keys, "KEYS",
		"Key sequence that detaches"),
	OPT_CALL('e', "env", exec_env, "NAME[=VALUE]",
		"Set an environment variable, or copy the caller's"),
	OPT_CALL(0, "env-file", exec_env_file, "FILE", "Read environment variables from a file"),
	OPT_FLAG('i', "interactive", struct exec_raw, opts.interactive, "Keep standard input open"),
	OPT_STRING(0, "policy", struct exec_raw, opts.policy, "POLICY",
		"This policy's rights and limits, not the container's"),
	OPT_FLAG(0, "privileged", struct exec_raw, opts.privileged,
		"All capabilities of the user namespace"),
	OPT_FLAG('t', "tty", struct exec_raw, opts.tty, "Give the program a terminal"),
	OPT_STRING('u', "user", struct exec_raw, opts.user, "USER[:GROUP]",
		"User and group, by name or number"),
	OPT_CALL('w', "workdir", exec_workdir, "DIR", "Working directory inside the container"),
	OPT_END,
};

int exec_opts_parse(int argc, char **argv, struct exec_opts *ret, struct err *err)
{
	struct exec_raw raw = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_EXEC, argv, &raw, &operands, err);

	(void)argc;
	if (r == 0) {
		strv_extend(&raw.opts.env, &raw.env);
		env_squash(&raw.opts.env);
		raw.opts.container = take_operand(&operands, 0);
		strv_set(&raw.opts.command, operands.v + 1);
		*ret = raw.opts;
	} else {
		exec_opts_done(&raw.opts);
	}
	strv_done(&raw.env);
	return r;
}

void exec_opts_done(struct exec_opts *o)
{
	free(o->user);
	free(o->workdir);
	free(o->detach_keys);
	free(o->policy);
	free(o->container);
	strv_done(&o->env);
	strv_done(&o->command);
	*o = (struct exec_opts){ 0 };
}

/* ---- kill, rm, wait ---- */

int parse_signal_name(char **slot, const char *value, struct err *err)
{
	if (parse_signal(value, err) < 0)
		return err_exit(err, 1); /* Docker's engine judges it, not its command line */
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

static int kill_signal(void *target, const char *value, struct err *err)
{
	return parse_signal_name(&((struct kill_opts *)target)->signal, value, err);
}

const struct opt kill_table[] = {
	OPT_CALL('s', "signal", kill_signal, "SIGNAL", "Signal to send (default KILL)"),
	OPT_END,
};

int kill_opts_parse(int argc, char **argv, struct kill_opts *ret, struct err *err)
{
	struct kill_opts o = { 0 };
	int r = opt_parse_command(CMD_KILL, argv, &o, &o.containers, err);

	(void)argc;
	if (r < 0)
		kill_opts_done(&o);
	else
		*ret = o;
	return r;
}

void kill_opts_done(struct kill_opts *o)
{
	free(o->signal);
	strv_done(&o->containers);
	*o = (struct kill_opts){ 0 };
}

const struct opt rm_table[] = {
	OPT_FLAG('f', "force", struct rm_opts, force, "Kill the container first if it runs"),
	OPT_FLAG('v', "volumes", struct rm_opts, volumes, "Remove its anonymous volumes as well"),
	OPT_END,
};

int rm_opts_parse(int argc, char **argv, struct rm_opts *ret, struct err *err)
{
	struct rm_opts o = { 0 };
	int r = opt_parse_command(CMD_RM, argv, &o, &o.containers, err);

	(void)argc;
	if (r < 0)
		rm_opts_done(&o);
	else
		*ret = o;
	return r;
}

void rm_opts_done(struct rm_opts *o)
{
	strv_done(&o->containers);
	*o = (struct rm_opts){ 0 };
}

static int wait_condition(void *target, const char *value, struct err *err)
{
	static const char *const names[] = { "created", "running", "paused", "exited", "stopped",
		"healthy", "unhealthy", "removed" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		strv_add(&((struct wait_opts *)target)->conditions, value);
		return 0;
	}
	return err_set(err, -EINVAL, "unknown container state: %s", value);
}

static int wait_interval(void *target, const char *value, struct err *err)
{
	int64_t ns;

	(void)target;
	if (*value && value[strspn(value, "0123456789")] == '\0')
		return 0; /* milliseconds */
	return parse_duration(value, &ns, err);
}

const struct opt wait_table[] = {
	OPT_CALL(0, "condition", wait_condition, "STATE",
		"Wait for running, paused, exited, healthy or removed"),
	OPT_CALL('i', "interval", wait_interval, "DURATION",
		"Podman's; accepted: nothing is asked again and again"),
	OPT_END,
};

int wait_opts_parse(int argc, char **argv, struct wait_opts *ret, struct err *err)
{
	struct wait_opts o = { 0 };
	int r = opt_parse_command(CMD_WAIT, argv, &o, &o.containers, err);

	(void)argc;
	if (r < 0)
		wait_opts_done(&o);
	else
		*ret = o;
	return r;
}

void wait_opts_done(struct wait_opts *o)
{
	strv_done(&o->conditions);
	strv_done(&o->containers);
	*o = (struct wait_opts){ 0 };
}

/* ---- inspect, info, version ---- */

static int inspect_type(void *target, const char *value, struct err *err)
{
	char **slot = &((struct inspect_opts *)target)->type;

	if (strcmp(value, "container") != 0 && strcmp(value, "image") != 0 &&
		strcmp(value, "network") != 0 && strcmp(value, "volume") != 0)
		return err_set(err, -EINVAL,
			"\"%s\" is not a valid value for --type: container, image, network or "
			"volume",
			value);
	free(*slot);
	*slot = xstrdup(value);
	return 0;
}

const struct opt inspect_table[] = {
	OPT_STRING('f', "format", struct inspect_opts, format, "TEMPLATE", "json or a Go template"),
	OPT_FLAG('s', "size", struct inspect_opts, size, "Add sizes to containers"),
	OPT_CALL(0, "type", inspect_type, "container|image|network|volume",
		"Look for this kind only"),
	OPT_END,
};

int inspect_opts_parse(int argc, char **argv, struct inspect_opts *ret, struct err *err)
{
	struct inspect_opts o = { 0 };
	int r = opt_parse_command(CMD_INSPECT, argv, &o, &o.names, err);

	(void)argc;
	if (r < 0)
		inspect_opts_done(&o);
	else
		*ret = o;
	return r;
}

void inspect_opts_done(struct inspect_opts *o)
{
	free(o->format);
	free(o->type);
	strv_done(&o->names);
	*o = (struct inspect_opts){ 0 };
}

const struct opt format_table[] = {
	OPT_STRING('f', "format", struct format_opts, format, "TEMPLATE", "json or a Go template"),
	OPT_END,
};

static int format_opts_parse(
	enum command_id id, char **argv, struct format_opts *ret, struct err *err)
{
	struct format_opts o = { 0 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(id, argv, &o, &none, err);

	if (r < 0)
		format_opts_done(&o);
	else
		*ret = o;
	return r;
}

int info_opts_parse(int argc, char **argv, struct format_opts *ret, struct err *err)
{
	(void)argc;
	return format_opts_parse(CMD_INFO, argv, ret, err);
}

int version_opts_parse(int argc, char **argv, struct format_opts *ret, struct err *err)
{
	(void)argc;
	return format_opts_parse(CMD_VERSION, argv, ret, err);
}

void format_opts_done(struct format_opts *o)
{
	free(o->format);
	*o = (struct format_opts){ 0 };
}
