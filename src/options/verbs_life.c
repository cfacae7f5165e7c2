/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands of a container's life that came after verbs.c: attach, start, stop, restart.
 * See verbs.h. */
#include "options/verbs.h"
#include "options/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

/* ---- attach ---- */

const struct opt attach_table[] = {
	OPT_STRING(0, "detach-keys", struct attach_opts, detach_keys, "KEYS",
		"Key sequence that detaches (default ctrl-p,ctrl-q)"),
	OPT_FLAG(0, "no-stdin", struct attach_opts, no_stdin, "Do not attach standard input"),
	OPT_FLAG(0, "sig-proxy", struct attach_opts, sig_proxy,
		"Forward signals to the container (default true)"),
	OPT_END,
};

int attach_opts_parse(int argc, char **argv, struct attach_opts *ret, struct err *err)
{
	struct attach_opts o = { .sig_proxy = true };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_ATTACH, argv, &o, &operands, err);

	(void)argc;
	if (r < 0) {
		attach_opts_done(&o);
		return r;
	}
	o.container = xstrdup(operands.v[0]);
	*ret = o;
	return 0;
}

void attach_opts_done(struct attach_opts *o)
{
	free(o->detach_keys);
	free(o->container);
	*o = (struct attach_opts){ 0 };
}

/* ---- start ---- */

const struct opt start_table[] = {
	OPT_FLAG(0, "all", struct start_opts, all,
		"All with --restart always or unless-stopped, after a reboot"),
	OPT_FLAG('a', "attach", struct start_opts, attach, "Show the output and forward signals"),
	OPT_STRING(0, "detach-keys", struct start_opts, detach_keys, "KEYS",
		"Key sequence that detaches"),
	OPT_FLAG('i', "interactive", struct start_opts, interactive, "Attach standard input"),
	OPT_END,
};

int start_opts_parse(int argc, char **argv, struct start_opts *ret, struct err *err)
{
	struct start_opts o = { 0 };
	int r = opt_parse_command(CMD_START, argv, &o, &o.containers, err);

	(void)argc;
	if (r == 0 && !o.all && o.containers.n == 0)
		r = err_exit(err, (err_set(err, -EINVAL,
					   "\"sbx start\" requires at least 1 argument, or --all. "
					   "See 'sbx start --help'."),
					  1));
	if (r == 0 && o.all && (o.containers.n || o.attach || o.interactive))
		r = err_set(err, -EINVAL, "--all takes no containers, --attach or --interactive");
	if (r == 0 && (o.attach || o.interactive) && o.containers.n > 1)
		r = err_set(
			err, -EINVAL, "you cannot start and attach multiple containers at once");
	if (r < 0)
		start_opts_done(&o);
	else
		*ret = o;
	return r;
}

void start_opts_done(struct start_opts *o)
{
	free(o->detach_keys);
	strv_done(&o->containers);
	*o = (struct start_opts){ 0 };
}

/* ---- stop, restart ---- */

static int stop_signal(void *target, const char *value, struct err *err)
{
	return parse_signal_name(&((struct stop_opts *)target)->signal, value, err);
}

static int stop_timeout(void *target, const char *value, struct err *err)
{
	return parse_stop_timeout(value, &((struct stop_opts *)target)->timeout, err);
}

const struct opt stop_table[] = {
	OPT_CALL('s', "signal", stop_signal, "SIGNAL", "Signal that asks the program to end"),
	OPT_CALL('t', "timeout", stop_timeout, "SECONDS",
		"Wait so long before killing; -1 for ever"),
	OPT_ALIAS(0, "time", "timeout"),
	OPT_END,
};

const struct opt restart_table[] = {
	OPT_CALL('s', "signal", stop_signal, "SIGNAL", "Signal that asks the program to end"),
	OPT_CALL('t', "timeout", stop_timeout, "SECONDS",
		"Wait so long before killing; -1 for ever"),
	OPT_ALIAS(0, "time", "timeout"),
	OPT_END,
};

static int parse_stopping(enum command_id id, char **argv, struct stop_opts *ret, struct err *err)
{
	struct stop_opts o = { .timeout = -1 };
	int r = opt_parse_command(id, argv, &o, &o.containers, err);

	if (r < 0)
		stop_opts_done(&o);
	else
		*ret = o;
	return r;
}

int stop_opts_parse(int argc, char **argv, struct stop_opts *ret, struct err *err)
{
	(void)argc;
	return parse_stopping(CMD_STOP, argv, ret, err);
}

int restart_opts_parse(int argc, char **argv, struct stop_opts *ret, struct err *err)
{
	(void)argc;
	return parse_stopping(CMD_RESTART, argv, ret, err);
}

void stop_opts_done(struct stop_opts *o)
{
	free(o->signal);
	strv_done(&o->containers);
	*o = (struct stop_opts){ 0 };
}
