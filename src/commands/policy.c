/* SPDX-License-Identifier: Apache-2.0 */
/* policy ls, show, check, diff: the policies there are, for readers. */
#include "commands/commands.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/output.h"
#include "options/policy_file.h"
#include "options/verbs.h"
#include "policy/policy.h"

/* A policy that cannot be read is listed with what is wrong with it. */
static void add_row(const char *name, struct buf *lines)
{
	autojson struct json *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_load(name, &policy, &err) < 0)
		buf_addf(lines, "%s\t(%s)\n", name, err.text);
	else
		buf_addf(lines, "%s\t%s\n", name, json_str(json_get(policy, "summary"), ""));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NAME.json of the caller's folder, where there is one. */
static void own_policies(struct strv *ret)
{
	autofree char *path = policy_folder();
	DIR *dir = path ? opendir(path) : NULL;

	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		size_t len = strlen(entry->d_name);

		if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0)
			strv_addf(ret, "%.*s", (int)(len - 5), entry->d_name);
	}
	if (dir)
		(void)closedir(dir);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
}

int cmd_policy_ls(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv none = STRV_INIT, own = STRV_INIT;
	autobuf struct buf lines = BUF_INIT, out = BUF_INIT;

	(void)globals;
	TRY(policy_names_parse(argc, argv, &none, err));
	buf_adds(&lines, "NAME\tSUMMARY\n");
	for (const struct builtin_policy *p = policy_builtins(); p->name; p++)
		add_row(p->name, &lines);
	own_policies(&own);
	strv_each (name, &own)
		add_row(*name, &lines);
	table_align(lines.data, &out);
	return out_write(&out, err);
}

int cmd_policy_show(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	autobuf struct buf out = BUF_INIT;
	autofree char *text = NULL;

	(void)globals;
	TRY(policy_names_parse(argc, argv, &names, err));
	TRY(policy_text(names.v[0], &text, err));
	buf_adds(&out, text);
	return out_write(&out, err);
}

/* What `sbx run --policy` would refuse, and what its options would be told. */
static int check(const struct globals *globals, const char *name, struct buf *out, struct err *err)
{
	autostrv struct strv options = STRV_INIT, words = STRV_INIT;
	autojson struct json *policy = NULL;
	autorunopts struct run_opts opts = { 0 };
	autopolicy struct policy planned = { 0 };

	TRY(policy_load(name, &policy, err));
	TRY(policy_options(policy, &options, err));
	strv_add(&words, "run");
	strv_extend(&words, &options);
	strv_add(&words, "image");
	if (run_opts_parse((int)words.n, words.v, &opts, err) < 0 ||
		policy_plan(globals, &opts, &planned, err) < 0)
		return err_wrap(err, "policy %s", name);
	buf_addf(out, "%s: ok\n", name);
	strv_each (option, &options)
		buf_addf(out, "  %s\n", *option);
	return 0;
}

int cmd_policy_check(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	autobuf struct buf out = BUF_INIT;

	TRY(policy_names_parse(argc, argv, &names, err));
	strv_each (name, &names)
		TRY(check(globals, *name, &out, err));
	return out_write(&out, err);
}

/* One line for each thing said: a joined list would differ as a whole for one of its words. */
static int lines_of(const char *name, struct strv *ret, struct err *err)
{
	autojson struct json *policy = NULL;
	autostrv struct strv options = STRV_INIT;

	TRY(policy_load(name, &policy, err));
	TRY(policy_options(policy, &options, err));
	strv_each (option, &options) {
		char *value = strrchr(*option, '=');

		if (!value || !strchr(value, ',') || strncmp(*option, "--tmpfs", 7) == 0) {
			strv_add(ret, *option);
			continue;
		}
		*value++ = '\0';
		for (char *word = strsep(&value, ","); word; word = strsep(&value, ","))
			strv_addf(ret, "%s=%s", *option, word);
	}
	return 0;
}

static void add_missing(
	const struct strv *of, const struct strv *in, const char *sign, struct buf *out)
{
	strv_each (line, of)
		if (!strv_has(in, *line))
			buf_addf(out, "%s%s\n", sign, *line);
}

int cmd_policy_diff(struct globals *globals, int argc, char **argv, struct err *err)
{
	autostrv struct strv names = STRV_INIT, old = STRV_INIT, new = STRV_INIT;
	autobuf struct buf out = BUF_INIT;

	(void)globals;
	TRY(policy_names_parse(argc, argv, &names, err));
	TRY(lines_of(names.v[0], &old, err));
	TRY(lines_of(names.v[1], &new, err));
	add_missing(&old, &new, "- ", &out);
	add_missing(&new, &old, "+ ", &out);
	return out_write(&out, err);
}
