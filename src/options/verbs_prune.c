/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the prune commands and of system df. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

static int prune_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct prune_opts *)target)->filters, value);
	return 0;
}

const struct opt volume_prune_table[] = {
	OPT_FLAG('a', "all", struct prune_opts, all, "Named volumes too, not only anonymous ones"),
	OPT_CALL(0, "filter", prune_filter, "NAME=VALUE", "Remove only volumes that match"),
	OPT_FLAG('f', "force", struct prune_opts, force, "Do not ask"),
	OPT_END,
};

static int prune_parse(enum command_id id, char **argv, struct prune_opts *ret, struct err *err)
{
	struct prune_opts o = { 0 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(id, argv, &o, &none, err);

	if (r < 0)
		prune_opts_done(&o);
	else
		*ret = o;
	return r;
}

int volume_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err)
{
	(void)argc;
	return prune_parse(CMD_VOLUME_PRUNE, argv, ret, err);
}

const struct opt container_prune_table[] = {
	OPT_CALL(0, "filter", prune_filter, "NAME=VALUE", "Remove only containers that match"),
	OPT_FLAG('f', "force", struct prune_opts, force, "Do not ask"),
	OPT_END,
};

int container_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err)
{
	(void)argc;
	return prune_parse(CMD_CONTAINER_PRUNE, argv, ret, err);
}

const struct opt image_prune_table[] = {
	OPT_FLAG('a', "all", struct prune_opts, all,
		"All that no container uses, not only nameless"),
	OPT_CALL(0, "filter", prune_filter, "NAME=VALUE", "Remove only images that match"),
	OPT_FLAG('f', "force", struct prune_opts, force, "Do not ask"),
	OPT_END,
};

int image_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err)
{
	(void)argc;
	return prune_parse(CMD_IMAGE_PRUNE, argv, ret, err);
}

const struct opt system_prune_table[] = {
	OPT_FLAG('a', "all", struct prune_opts, all, "All unused images, not only nameless ones"),
	OPT_CALL(0, "filter", prune_filter, "NAME=VALUE", "Remove only what matches"),
	OPT_FLAG('f', "force", struct prune_opts, force, "Do not ask"),
	OPT_FLAG(0, "volumes", struct prune_opts, volumes, "Anonymous volumes too"),
	OPT_END,
};

int system_prune_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err)
{
	(void)argc;
	return prune_parse(CMD_SYSTEM_PRUNE, argv, ret, err);
}

void prune_opts_done(struct prune_opts *o)
{
	strv_done(&o->filters);
	*o = (struct prune_opts){ 0 };
}

const struct opt system_df_table[] = {
	OPT_STRING(0, "format", struct format_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG('v', "verbose", struct format_opts, verbose, "Each image, container and volume"),
	OPT_END,
};

int system_df_opts_parse(int argc, char **argv, struct format_opts *ret, struct err *err)
{
	struct format_opts o = { 0 };
	autostrv struct strv none = STRV_INIT;
	int r = opt_parse_command(CMD_SYSTEM_DF, argv, &o, &none, err);

	(void)argc;
	if (r < 0)
		format_opts_done(&o);
	else
		*ret = o;
	return r;
}

const struct opt reset_table[] = {
	OPT_FLAG('f', "force", struct prune_opts, force, "Do not ask"),
	OPT_END,
};

int system_reset_opts_parse(int argc, char **argv, struct prune_opts *ret, struct err *err)
{
	(void)argc;
	return prune_parse(CMD_SYSTEM_RESET, argv, ret, err);
}
