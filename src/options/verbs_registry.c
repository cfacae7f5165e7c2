/* SPDX-License-Identifier: Apache-2.0 */
/* Options of login, logout, search, manifest inspect, push, untag and the small image verbs. */
#include "options/internal.h"
#include "options/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

#define SEARCH_LIMIT     25
#define SEARCH_LIMIT_MAX 100

static char *take_operand(const struct strv *operands, size_t i)
{
	return i < operands->n ? xstrdup(operands->v[i]) : NULL;
}

const struct opt login_table[] = {
	OPT_STRING('p', "password", struct login_opts, password, "TEXT",
		"Password or token; others see it in the process list"),
	OPT_FLAG(0, "password-stdin", struct login_opts, password_stdin,
		"Read the password from standard input"),
	OPT_STRING('u', "username", struct login_opts, user, "NAME", "User name"),
	OPT_END,
};

static int check_login(const struct login_opts *o, struct err *err)
{
	if (o->password && o->password_stdin)
		return err_set(
			err, -EINVAL, "--password and --password-stdin are mutually exclusive");
	if (o->password_stdin && !o->user)
		return err_set(err, -EINVAL, "must provide --username with --password-stdin");
	return 0;
}

int login_opts_parse(int argc, char **argv, struct login_opts *ret, struct err *err)
{
	struct login_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_LOGIN, argv, &o, &operands, err);

	(void)argc;
	o.server = take_operand(&operands, 0);
	if (r >= 0)
		r = check_login(&o, err);
	if (r < 0)
		login_opts_done(&o);
	else
		*ret = o;
	return r;
}

void login_opts_done(struct login_opts *o)
{
	if (o->password)
		explicit_bzero(o->password, strlen(o->password));
	free(o->password);
	free(o->user);
	free(o->server);
	*o = (struct login_opts){ 0 };
}

const struct opt logout_table[] = {
	OPT_FLAG('a', "all", struct logout_opts, all, "Forget all logins that sbx has stored"),
	OPT_END,
};

int logout_opts_parse(int argc, char **argv, struct logout_opts *ret, struct err *err)
{
	struct logout_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_LOGOUT, argv, &o, &operands, err);

	(void)argc;
	if (r < 0)
		return r;
	o.server = take_operand(&operands, 0);
	*ret = o;
	return 0;
}

void logout_opts_done(struct logout_opts *o)
{
	free(o->server);
	*o = (struct logout_opts){ 0 };
}

static int truth(const char *value, const char *filter, struct err *err)
{
	if (strcmp(value, "true") == 0 || strcmp(value, "1") == 0)
		return 1;
	if (strcmp(value, "false") == 0 || strcmp(value, "0") == 0)
		return 0;
	return err_set(err, -EINVAL, "invalid filter '%s'", filter);
}

static int search_filter(void *target, const char *filter, struct err *err)
{
	struct search_opts *o = target;
	const char *value;
	int wanted;

	TRY(check_filter(filter, err));
	value = strchr(filter, '=') + 1;
	if (strncmp(filter, "stars=", 6) == 0)
		return opt_parse_int(value, &o->stars, err);
	if (strncmp(filter, "is-official=", 12) != 0 && strncmp(filter, "is-automated=", 13) != 0)
		return err_set(
			err, -EINVAL, "invalid filter '%.*s'", (int)(value - filter - 1), filter);
	wanted = truth(value, filter, err);
	TRY(wanted);
	if (filter[3] == 'a')
		o->nothing |= wanted == 1; /* Hub has no automated builds any more */
	else
		*(wanted == 1 ? &o->official : &o->unofficial) = true;
	return 0;
}

const struct opt search_table[] = {
	OPT_CALL('f', "filter", search_filter, "NAME=VALUE",
		"Show only what matches: stars=N, is-official=true"),
	OPT_STRING(0, "format", struct search_opts, format, "TEMPLATE",
		"json, table TEMPLATE or a Go template"),
	OPT_INT(0, "limit", struct search_opts, limit, "N", "At most so many (25)"),
	OPT_FLAG(0, "no-trunc", struct search_opts, no_trunc, "Do not shorten descriptions"),
	OPT_END,
};

int search_opts_parse(int argc, char **argv, struct search_opts *ret, struct err *err)
{
	struct search_opts o = { .limit = SEARCH_LIMIT };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_SEARCH, argv, &o, &operands, err);

	(void)argc;
	o.term = take_operand(&operands, 0);
	if (r >= 0 && (o.limit < 1 || o.limit > SEARCH_LIMIT_MAX))
		r = err_set(err, -EINVAL, "limit %lld is outside the range of [1, %d]",
			(long long)o.limit, SEARCH_LIMIT_MAX);
	if (r < 0)
		search_opts_done(&o);
	else
		*ret = o;
	return r;
}

void search_opts_done(struct search_opts *o)
{
	free(o->format);
	free(o->term);
	*o = (struct search_opts){ 0 };
}

static int push_platform(void *target, const char *value, struct err *err)
{
	return take_platform(&((struct push_opts *)target)->platform, value, err);
}

const struct opt push_table[] = {
	OPT_FLAG('a', "all-tags", struct push_opts, all_tags,
		"Upload all tags that the repository has here"),
	OPT_SERVER_LOGIN(struct push_opts),
	OPT_STRING(0, "digestfile", struct push_opts, digestfile, "FILE",
		"Write the digest of what was uploaded to this file"),
	OPT_CALL(0, "platform", push_platform, "OS/ARCH", "Only if the image is for this platform"),
	OPT_FLAG('q', "quiet", struct push_opts, quiet, "Print the image's name only"),
	OPT_SERVER_CARE(struct push_opts),
	OPT_END,
};

void push_opts_note(void *target, const struct opt *opt, const char *value)
{
	(void)value;
	server_opts_note(&((struct push_opts *)target)->server, opt);
}

int push_opts_parse(int argc, char **argv, struct push_opts *ret, struct err *err)
{
	struct push_opts o = { .server = SERVER_OPTS_INIT };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_PUSH, argv, &o, &operands, err);

	(void)argc;
	o.image = take_operand(&operands, 0);
	if (r >= 0)
		r = server_opts_check(&o.server, err);
	if (r < 0)
		push_opts_done(&o);
	else
		*ret = o;
	return r;
}

void push_opts_done(struct push_opts *o)
{
	server_opts_done(&o->server);
	free(o->platform);
	free(o->digestfile);
	free(o->image);
	*o = (struct push_opts){ 0 };
}

const struct opt check_table[] = {
	OPT_FLAG('q', "quiet", struct check_opts, quiet, "Print faults only"),
	OPT_FLAG('r', "repair", struct check_opts, repair,
		"Remove damaged blobs, unpack missing and damaged layers"),
	OPT_END,
};

int check_opts_parse(char **argv, struct check_opts *ret, struct err *err)
{
	autostrv struct strv operands = STRV_INIT;

	return opt_parse_command(CMD_SYSTEM_CHECK, argv, ret, &operands, err);
}

static int names_parse(enum command_id id, char **argv, struct names_opts *ret, struct err *err)
{
	struct names_opts o = { .names = STRV_INIT };
	int r = opt_parse_command(id, argv, &o, &o.names, err);

	if (r < 0)
		names_opts_done(&o);
	else
		*ret = o;
	return r;
}

int untag_opts_parse(char **argv, struct names_opts *ret, struct err *err)
{
	return names_parse(CMD_UNTAG, argv, ret, err);
}

int exists_opts_parse(char **argv, struct names_opts *ret, struct err *err)
{
	return names_parse(CMD_IMAGE_EXISTS, argv, ret, err);
}

int container_exists_opts_parse(char **argv, struct names_opts *ret, struct err *err)
{
	return names_parse(CMD_CONTAINER_EXISTS, argv, ret, err);
}

int healthcheck_opts_parse(char **argv, struct names_opts *ret, struct err *err)
{
	return names_parse(CMD_HEALTHCHECK_RUN, argv, ret, err);
}

int image_diff_opts_parse(char **argv, struct names_opts *ret, struct err *err)
{
	return names_parse(CMD_IMAGE_DIFF, argv, ret, err);
}

const struct opt manifest_table[] = {
	OPT_FLAG(0, "insecure", struct manifest_opts, insecure,
		"Neither check the certificate nor insist on https"),
	OPT_FLAG('v', "verbose", struct manifest_opts, verbose,
		"Show each platform's manifest with digest and size"),
	OPT_END,
};

int manifest_opts_parse(char **argv, struct manifest_opts *ret, struct err *err)
{
	struct manifest_opts o = { 0 };
	autostrv struct strv operands = STRV_INIT;
	int r = opt_parse_command(CMD_MANIFEST_INSPECT, argv, &o, &operands, err);

	o.image = take_operand(&operands, 0);
	if (r < 0)
		manifest_opts_done(&o);
	else
		*ret = o;
	return r;
}

void manifest_opts_done(struct manifest_opts *o)
{
	free(o->image);
	*o = (struct manifest_opts){ 0 };
}

void names_opts_done(struct names_opts *o)
{
	strv_done(&o->names);
}
