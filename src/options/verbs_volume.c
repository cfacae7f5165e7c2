/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that deal with volumes. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

/* NAME[=VALUE] into *map; the last of a name counts, as Docker has it. */
static int put_pair(struct json **map, const char *value, struct err *err)
{
	size_t len = strcspn(value, "=");
	autofree char *key = xstrndup(value, len);

	if (len == 0)
		return err_set(err, -EINVAL, "no name in front of '='");
	if (!*map)
		*map = json_new_map();
	json_put_string(*map, key, value[len] ? value + len + 1 : "");
	return 0;
}

static int create_label(void *target, const char *value, struct err *err)
{
	return put_pair(&((struct volume_create_opts *)target)->labels, value, err);
}

static int create_option(void *target, const char *value, struct err *err)
{
	return put_pair(&((struct volume_create_opts *)target)->options, value, err);
}

const struct opt volume_create_table[] = {
	OPT_STRING('d', "driver", struct volume_create_opts, driver, "DRIVER",
		"Volume driver; there is only \"local\""),
	OPT_CALL(0, "label", create_label, "NAME[=VALUE]", "Set a label"),
	OPT_CALL('o', "opt", create_option, "NAME=VALUE",
		"type=none, o=bind and device=DIR bind a directory"),
	OPT_END,
};

int volume_create_opts_parse(int argc, char **argv, struct volume_create_opts *ret, struct err *err)
{
	struct volume_create_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_VOLUME_CREATE, argv, &o, &operands, err);

	(void)argc;
	o.name = operands.n ? xstrdup(operands.v[0]) : NULL;
	if (r < 0)
		volume_create_opts_done(&o);
	else
		*ret = o;
	return r;
}

void volume_create_opts_done(struct volume_create_opts *o)
{
	free(o->driver);
	free(o->name);
	json_free(o->labels);
	json_free(o->options);
	*o = (struct volume_create_opts){ 0 };
}

static int ls_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct volume_ls_opts *)target)->filters, value);
	return 0;
}

const struct opt volume_ls_table[] = {
	OPT_CALL('f', "filter", ls_filter, "NAME=VALUE", "Show only volumes that match"),
	OPT_STRING(0, "format", struct volume_ls_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG('q', "quiet", struct volume_ls_opts, quiet, "Print names only"),
	OPT_END,
};

int volume_ls_opts_parse(int argc, char **argv, struct volume_ls_opts *ret, struct err *err)
{
	struct volume_ls_opts o = { 0 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(CMD_VOLUME_LS, argv, &o, &none, err);

	(void)argc;
	if (r < 0)
		volume_ls_opts_done(&o);
	else
		*ret = o;
	return r;
}

void volume_ls_opts_done(struct volume_ls_opts *o)
{
	strv_done(&o->filters);
	free(o->format);
	*o = (struct volume_ls_opts){ 0 };
}

const struct opt volume_rm_table[] = {
	OPT_FLAG('f', "force", struct volume_rm_opts, force, "No error if there is no such volume"),
	OPT_END,
};

int volume_rm_opts_parse(int argc, char **argv, struct volume_rm_opts *ret, struct err *err)
{
	struct volume_rm_opts o = { 0 };
	int r = opt_parse_command(CMD_VOLUME_RM, argv, &o, &o.names, err);

	(void)argc;
	if (r < 0)
		volume_rm_opts_done(&o);
	else
		*ret = o;
	return r;
}

void volume_rm_opts_done(struct volume_rm_opts *o)
{
	strv_done(&o->names);
	*o = (struct volume_rm_opts){ 0 };
}

const struct opt volume_inspect_table[] = {
	OPT_STRING('f', "format", struct inspect_opts, format, "TEMPLATE", "json or a Go template"),
	OPT_END,
};

int volume_inspect_opts_parse(int argc, char **argv, struct inspect_opts *ret, struct err *err)
{
	struct inspect_opts o = { 0 };
	int r = opt_parse_command(CMD_VOLUME_INSPECT, argv, &o, &o.names, err);

	(void)argc;
	o.type = xstrdup("volume");
	if (r < 0)
		inspect_opts_done(&o);
	else
		*ret = o;
	return r;
}
