/* SPDX-License-Identifier: Apache-2.0 */
/* Options of save, load, export, import, commit and history. See image_verbs.h. */
#include "options/internal.h"
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static char *take_operand(const struct strv *operands, size_t i)
{
	return i < operands->n ? xstrdup(operands->v[i]) : NULL;
}

static int save_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct save_opts *)target)->platform, value, err);
}

static int save_format(void *target, const char *value, struct err *err)
{
	static const struct {
		const char *name;
		enum save_format format;
	} known[] = { { "oci-archive", SAVE_OCI_ARCHIVE },
		{ "docker-archive", SAVE_DOCKER_ARCHIVE }, { "oci-dir", SAVE_OCI_DIR },
		{ "docker-dir", SAVE_DOCKER_DIR } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(value, known[i].name) != 0)
			continue;
		((struct save_opts *)target)->format = known[i].format;
		return 0;
	}
	return err_set(err, -EINVAL, "must be docker-archive, docker-dir, oci-archive or oci-dir");
}

/* A folder and skopeo's dir: hold one image, and neither goes down a pipe. */
static int save_check(const struct save_opts *o, struct err *err)
{
	bool folder = o->format == SAVE_OCI_DIR || o->format == SAVE_DOCKER_DIR;

	if (folder && (!o->output || strcmp(o->output, "-") == 0))
		return err_set(
			err, -EINVAL, "--format oci-dir and docker-dir need --output FOLDER");
	return 0;
}

const struct opt save_table[] = {
	OPT_CALL(0, "format", save_format, "FORM",
		"docker-archive, docker-dir, oci-archive or oci-dir"),
	OPT_FLAG('m', "multi-image-archive", struct save_opts, many,
		"For podman's scripts: every operand is an image anyway"),
	OPT_STRING('o', "output", struct save_opts, output, "FILE",
		"Write to a file instead of standard output"),
	OPT_CALL(0, "platform", save_platform, "OS/ARCH",
		"Only if the images are for this platform"),
	OPT_FLAG('q', "quiet", struct save_opts, quiet,
		"For podman's scripts: nothing is said anyway"),
	OPT_END,
};

int save_opts_parse(int argc, char **argv, struct save_opts *ret, struct err *err)
{
	struct save_opts o = { 0 };
	int r = opt_parse_command(CMD_SAVE, argv, &o, &o.images, err);

	(void)argc;
	if (r >= 0)
		r = save_check(&o, err);
	if (r < 0)
		save_opts_done(&o);
	else
		*ret = o;
	return r;
}

void save_opts_done(struct save_opts *o)
{
	free(o->output);
	free(o->platform);
	strv_done(&o->images);
	*o = (struct save_opts){ 0 };
}

static int load_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct load_opts *)target)->platform, value, err);
}

const struct opt load_table[] = {
	OPT_STRING('i', "input", struct load_opts, input, "FILE",
		"Read from a file instead of standard input"),
	OPT_CALL(0, "platform", load_platform, "OS/ARCH",
		"Platform to choose from multi-platform images"),
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
	free(o->platform);
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

static int import_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct import_opts *)target)->platform, value, err);
}

const struct opt import_table[] = {
	OPT_LIST('c', "change", struct import_opts, changes, "INSTRUCTION",
		"Apply a Dockerfile instruction to the new image"),
	OPT_STRING('m', "message", struct import_opts, message, "TEXT",
		"Comment that the image's history shows"),
	OPT_CALL(0, "platform", import_platform, "OS/ARCH",
		"What the files are for, instead of this machine's platform"),
	OPT_FLAG('q', "quiet", struct import_opts, quiet,
		"For podman's scripts: only the id is printed anyway"),
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
	free(o->platform);
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
	OPT_FLAG(0, "no-pause", struct commit_opts, no_pause, "Let the processes run meanwhile"),
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
	o.pause = o.pause && !o.no_pause;
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

static int history_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct history_opts *)target)->platform, value, err);
}

const struct opt history_table[] = {
	OPT_STRING(0, "format", struct history_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_FLAG('H', "human", struct history_opts, human,
		"Sizes and times for people (default); else exact ones"),
	OPT_FLAG(0, "no-trunc", struct history_opts, no_trunc, "Do not shorten ids and commands"),
	OPT_CALL(0, "platform", history_platform, "OS/ARCH",
		"Only if the image is for this platform"),
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
	free(o->platform);
	free(o->image);
	*o = (struct history_opts){ 0 };
}
