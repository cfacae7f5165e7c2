/* SPDX-License-Identifier: Apache-2.0 */
/* Options of the commands that deal with images. See verbs.h. */
#include "options/internal.h"
#include "options/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static char *take_operand(struct strv *operands, size_t i)
{
	return i < operands->n ? xstrdup(operands->v[i]) : NULL;
}

static int images_filter(void *target, const char *value, struct err *err)
{
	TRY(check_filter(value, err));
	strv_add(&((struct images_opts *)target)->filters, value);
	return 0;
}

const struct opt images_table[] = {
	OPT_FLAG('a', "all", struct images_opts, all, "Show all images"),
	OPT_FLAG(0, "digests", struct images_opts, digests, "Show digests"),
	OPT_CALL('f', "filter", images_filter, "NAME=VALUE", "Show only images that match"),
	OPT_STRING(0, "format", struct images_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG(0, "no-trunc", struct images_opts, no_trunc, "Do not shorten ids"),
	OPT_FLAG('q', "quiet", struct images_opts, quiet, "Print ids only"),
	OPT_FLAG(0, "tree", struct images_opts, tree,
		"Show images below those whose layers they stand on"),
	OPT_END,
};

int images_opts_parse(int argc, char **argv, struct images_opts *ret, struct err *err)
{
	struct images_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_IMAGES, argv, &o, &operands, err);

	(void)argc;
	o.name = take_operand(&operands, 0);
	if (r < 0)
		images_opts_done(&o);
	else
		*ret = o;
	return r;
}

void images_opts_done(struct images_opts *o)
{
	strv_done(&o->filters);
	free(o->format);
	free(o->name);
	*o = (struct images_opts){ 0 };
}

static int rmi_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct rmi_opts *)target)->platform, value, err);
}

const struct opt rmi_table[] = {
	OPT_FLAG('f', "force", struct rmi_opts, force, "Untag the image even if containers use it"),
	OPT_FLAG(0, "no-prune", struct rmi_opts, no_prune,
		"For Docker's scripts: untagged parents stay anyway"),
	OPT_CALL(0, "platform", rmi_platform, "OS/ARCH", "Only if the image is for this platform"),
	OPT_END,
};

int rmi_opts_parse(int argc, char **argv, struct rmi_opts *ret, struct err *err)
{
	struct rmi_opts o = { 0 };
	int r = opt_parse_command(CMD_RMI, argv, &o, &o.images, err);

	(void)argc;
	if (r < 0)
		rmi_opts_done(&o);
	else
		*ret = o;
	return r;
}

void rmi_opts_done(struct rmi_opts *o)
{
	strv_done(&o->images);
	free(o->platform);
	*o = (struct rmi_opts){ 0 };
}

static int pull_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct pull_opts *)target)->platform, value, err);
}

const struct opt pull_table[] = {
	OPT_FLAG(
		'a', "all-tags", struct pull_opts, all_tags, "Download all tags of the repository"),
	OPT_SERVER_LOGIN(struct pull_opts),
	OPT_CALL(0, "platform", pull_platform, "OS/ARCH",
		"Platform to choose from a multi-platform image"),
	OPT_FLAG('q', "quiet", struct pull_opts, quiet, "Print the image's name only"),
	OPT_SERVER_CARE(struct pull_opts),
	OPT_END,
};

void pull_opts_note(void *target, const struct opt *opt, const char *value)
{
	(void)value;
	server_opts_note(&((struct pull_opts *)target)->server, opt);
}

int pull_opts_parse(int argc, char **argv, struct pull_opts *ret, struct err *err)
{
	struct pull_opts o = { .server = SERVER_OPTS_INIT };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_PULL, argv, &o, &operands, err);

	(void)argc;
	o.image = take_operand(&operands, 0);
	if (r >= 0)
		r = server_opts_check(&o.server, err);
	if (r < 0)
		pull_opts_done(&o);
	else
		*ret = o;
	return r;
}

void pull_opts_done(struct pull_opts *o)
{
	server_opts_done(&o->server);
	free(o->platform);
	free(o->image);
	*o = (struct pull_opts){ 0 };
}

const struct opt tag_table[] = { OPT_END };

int tag_opts_parse(int argc, char **argv, struct tag_opts *ret, struct err *err)
{
	struct tag_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_TAG, argv, &o, &operands, err);

	(void)argc;
	if (r < 0)
		return r;
	o.source = take_operand(&operands, 0);
	o.target = take_operand(&operands, 1);
	*ret = o;
	return 0;
}

void tag_opts_done(struct tag_opts *o)
{
	free(o->source);
	free(o->target);
	*o = (struct tag_opts){ 0 };
}
