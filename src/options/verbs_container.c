/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the smaller commands that deal with containers. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

const struct opt no_table[] = { OPT_END };

static char *take_operand(struct strv *operands, size_t i)
{
	return i < operands->n ? xstrdup(operands->v[i]) : NULL;
}

const struct opt cp_table[] = {
	OPT_FLAG('a', "archive", struct cp_opts, archive,
		"Keep owners; else they are root's inside"),
	OPT_FLAG('L', "follow-link", struct cp_opts, follow_link,
		"Copy what a symlink given as source points to"),
	OPT_FLAG('q', "quiet", struct cp_opts, quiet, "Do not say how much was copied"),
	OPT_END,
};

int cp_opts_parse(int argc, char **argv, struct cp_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_CP, argv, ret, &operands, err));
	ret->source = take_operand(&operands, 0);
	ret->target = take_operand(&operands, 1);
	return 0;
}

void cp_opts_done(struct cp_opts *o)
{
	free(o->source);
	free(o->target);
	*o = (struct cp_opts){ 0 };
}

int diff_opts_parse(int argc, char **argv, struct diff_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_DIFF, argv, ret, &operands, err));
	ret->container = take_operand(&operands, 0);
	return 0;
}

void diff_opts_done(struct diff_opts *o)
{
	free(o->container);
	*o = (struct diff_opts){ 0 };
}

int port_opts_parse(int argc, char **argv, struct port_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_PORT, argv, ret, &operands, err));
	ret->container = take_operand(&operands, 0);
	ret->port = take_operand(&operands, 1);
	return 0;
}

void port_opts_done(struct port_opts *o)
{
	free(o->container);
	free(o->port);
	*o = (struct port_opts){ 0 };
}

int rename_opts_parse(int argc, char **argv, struct rename_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_RENAME, argv, ret, &operands, err));
	ret->container = take_operand(&operands, 0);
	ret->name = take_operand(&operands, 1);
	return 0;
}

void rename_opts_done(struct rename_opts *o)
{
	free(o->container);
	free(o->name);
	*o = (struct rename_opts){ 0 };
}

int top_opts_parse(int argc, char **argv, struct top_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	(void)argc;
	TRY(opt_parse_command(CMD_TOP, argv, ret, &operands, err));
	ret->container = take_operand(&operands, 0);
	strv_set(&ret->args, operands.v + 1);
	return 0;
}

void top_opts_done(struct top_opts *o)
{
	free(o->container);
	strv_done(&o->args);
	*o = (struct top_opts){ 0 };
}
