/* SPDX-License-Identifier: Apache-2.0 */
/* Options of save, load, export, import, commit and history. See image_verbs.h. */
#include "options/internal.h"
#include "options/options.h"

#include <stdlib.h>

#include "base/own.h"
#include "base/xalloc.h"

static char *take_operand(const struct strv *operands, size_t i)
{
	return i < operands->n ? xstrdup(operands->v[i]) : NULL;
}

const struct opt save_table[] = {
	OPT_STRING('o', "output", struct save_opts, output, "FILE",
		"Write to a file instead of standard output"),
	OPT_END,
};

int save_opts_parse(int argc, char **argv, struct save_opts *ret, struct err *err)
{
	struct save_opts o = { 0 };
	int r = opt_parse_command(CMD_SAVE, argv, &o, &o.images, err);

	(void)argc;
	if (r < 0)
		save_opts_done(&o);
	else
		*ret = o;
	return r;
}

void save_opts_done(struct save_opts *o)
{
	free(o->output);
	strv_done(&o->images);
	*o = (struct save_opts){ 0 };
}

const struct opt load_table[] = {
	OPT_STRING('i', "input", struct load_opts, input, "FILE",
		"Read from a file instead of standard input"),
	OPT_FLAG('q', "quiet", struct load_opts, quiet, "Show no progress"),
	OPT_END,
};

int load_opts_parse(int argc, char **argv, struct load_opts *ret, struct err *err)
{
	struct load_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_LOAD, argv, &o, &operands, err);

	(void)argc;
	if (r < 0)
		load_opts_done(&o);
	else
		*ret = o;
	return r;
}

void load_opts_done(struct load_opts *o)
{
	free(o->input);
	*o = (struct load_opts){ 0 };
}

const struct opt export_table[] = {
	OPT_STRING('o', "output", struct export_opts, output, "FILE",
		"Write to a file instead of standard output"),
	OPT_END,
};

int export_opts_parse(int argc, char **argv, struct export_opts *ret, struct err *err)
{
	struct export_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_EXPORT, argv, &o, &operands, err);

	(void)argc;
	o.container = take_operand(&operands, 0);
	if (r < 0)
		export_opts_done(&o);
	else
		*ret = o;
	return r;
}

void export_opts_done(struct export_opts *o)
{
	free(o->output);
	free(o->container);
	*o = (struct export_opts){ 0 };
}

const struct opt import_table[] = {
	OPT_LIST('c', "change", struct import_opts, changes, "INSTRUCTION",
		"Apply a Dockerfile instruction to the new image"),
	OPT_STRING('m', "message", struct import_opts, message, "TEXT",
		"Comment that the image's history shows"),
	OPT_END,
};

int import_opts_parse(int argc, char **argv, struct import_opts *ret, struct err *err)
{
	struct import_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_IMPORT, argv, &o, &operands, err);

	(void)argc;
	o.source = take_operand(&operands, 0);
	o.target = take_operand(&operands, 1);
	if (r < 0)
		import_opts_done(&o);
	else
		*ret = o;
	return r;
}

void import_opts_done(struct import_opts *o)
{
	strv_done(&o->changes);
	free(o->message);
	free(o->source);
	free(o->target);
	*o = (struct import_opts){ 0 };
}

const struct opt commit_table[] = {
	OPT_STRING('a', "author", struct commit_opts, author, "NAME",
		"Author, such as \"Ann <ann@example.org>\""),
	OPT_LIST('c', "change", struct commit_opts, changes, "INSTRUCTION",
		"Apply a Dockerfile instruction to the new image"),
	OPT_STRING('m', "message", struct commit_opts, message, "TEXT",
		"Comment that the image's history shows"),
	OPT_FLAG('p', "pause", struct commit_opts, pause,
		"Stop the container's processes meanwhile (default)"),
	OPT_END,
};

int commit_opts_parse(int argc, char **argv, struct commit_opts *ret, struct err *err)
{
	struct commit_opts o = { .pause = true };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_COMMIT, argv, &o, &operands, err);

	(void)argc;
	o.container = take_operand(&operands, 0);
	o.target = take_operand(&operands, 1);
	if (r < 0)
		commit_opts_done(&o);
	else
		*ret = o;
	return r;
}

void commit_opts_done(struct commit_opts *o)
{
	strv_done(&o->changes);
	free(o->author);
	free(o->message);
	free(o->container);
	free(o->target);
	*o = (struct commit_opts){ 0 };
}

const struct opt history_table[] = {
	OPT_STRING(0, "format", struct history_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG('H', "human", struct history_opts, human,
		"Sizes and times for people (default); else exact ones"),
	OPT_FLAG(0, "no-trunc", struct history_opts, no_trunc, "Do not shorten ids and commands"),
	OPT_FLAG('q', "quiet", struct history_opts, quiet, "Print ids only"),
	OPT_END,
};

int history_opts_parse(int argc, char **argv, struct history_opts *ret, struct err *err)
{
	struct history_opts o = { .human = true };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_HISTORY, argv, &o, &operands, err);

	(void)argc;
	o.image = take_operand(&operands, 0);
	if (r < 0)
		history_opts_done(&o);
	else
		*ret = o;
	return r;
}

void history_opts_done(struct history_opts *o)
{
	free(o->format);
	free(o->image);
	*o = (struct history_opts){ 0 };
}
