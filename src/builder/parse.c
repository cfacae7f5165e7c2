/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes become instructions: one reader per keyword, in a table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/diagnose.h"
#include "builder/flags.h"
#include "builder/instruction.h"
#include "builder/run_mount.h"
#include "builder/split.h"
#include "builder/text.h"
#include "options/options.h"

typedef int (*read_fn)(const struct node *node, struct instruction *in, struct err *err);

static const struct flag no_flags[] = { { NULL } };

static int at_least_one(const char *name, struct err *err)
{
	return err_set(err, -EINVAL, "%s requires at least one argument", name);
}

/* ---- ENV, LABEL, ARG ---- */

static void add_pair(struct instruction *in, struct pair pair)
{
	in->pairs = xgrow(in->pairs, in->n_pairs, sizeof(*in->pairs));
	in->pairs[in->n_pairs++] = pair;
}

static int read_pairs(const struct node *node, struct instruction *in, struct err *err)
{
	const char *name = instruction_name(in->kind);

	TRY(flags_parse(&node->flags, no_flags, NULL, err));
	if (node->args.n == 0)
		return at_least_one(name, err);
	for (size_t i = 0; i + 2 < node->args.n; i += 3) {
		char **arg = node->args.v + i;

		if (!*arg[0])
			return err_set(err, -EINVAL, "%s names can not be blank", name);
		add_pair(in, (struct pair){ .key = xstrdup(arg[0]),
				     .value = xstrdup(arg[1]),
				     .bare = !*arg[2] });
	}
	return 0;
}

static int read_arg(const struct node *node, struct instruction *in, struct err *err)
{
	TRY(flags_parse(&node->flags, no_flags, NULL, err));
	if (node->args.n == 0)
		return at_least_one("ARG", err);
	strv_each (arg, &node->args) {
		const char *equals = strchr(*arg, '=');

		if (equals == *arg)
			return err_set(err, -EINVAL, "ARG names can not be blank");
		add_pair(in, (struct pair){ .key = xstrndup(*arg, strcspn(*arg, "=")),
				     .value = equals ? xstrdup(equals + 1) : NULL });
	}
	return 0;
}

/* ---- ADD, COPY ---- */

static const struct flag add_flags[] = {
	{ "chown", FLAG_STRING, offsetof(struct copy_words, chown) },
	{ "chmod", FLAG_STRING, offsetof(struct copy_words, chmod) },
	{ "link", FLAG_BOOL, offsetof(struct copy_words, link) },
	{ "keep-git-dir", FLAG_CHOICE, offsetof(struct copy_words, keep_git_dir) },
	{ "checksum", FLAG_STRING, offsetof(struct copy_words, checksum) },
	{ "unpack", FLAG_CHOICE, offsetof(struct copy_words, unpack) },
	{ "exclude", FLAG_LIST, offsetof(struct copy_words, excludes) },
	{ NULL },
};

static const struct flag copy_flags[] = {
	{ "chown", FLAG_STRING, offsetof(struct copy_words, chown) },
	{ "from", FLAG_STRING, offsetof(struct copy_words, from) },
	{ "chmod", FLAG_STRING, offsetof(struct copy_words, chmod) },
	{ "link", FLAG_BOOL, offsetof(struct copy_words, link) },
	{ "exclude", FLAG_LIST, offsetof(struct copy_words, excludes) },
	{ "parents", FLAG_BOOL, offsetof(struct copy_words, parents) },
	{ NULL },
};

/* The body whose word is `name`; the last one of that name, as in BuildKit. */
static const struct heredoc *body_of(const struct node *node, const char *name)
{
	for (size_t i = node->n_heredocs; i > 0; i--)
		if (strcmp(node->heredocs[i - 1].name, name) == 0)
			return &node->heredocs[i - 1];
	return NULL;
}

static void add_source(const struct node *node, const char *word, struct copy_words *copy)
{
	struct heredoc doc;
	const struct heredoc *body;

	if (!heredoc_word(word, &doc)) {
		strv_add(&copy->sources, word);
		return;
	}
	body = body_of(node, doc.name);
	copy->inlines = xreallocarray(copy->inlines, copy->n_inlines + 1, sizeof(*copy->inlines));
	copy->inlines[copy->n_inlines++] = (struct copy_inline){
		.name = xstrdup(doc.name),
		.data = body ? heredoc_text(body) : xstrdup(""),
		.expand = doc.expand,
	};
	heredoc_done(&doc);
}

static int read_copy(const struct node *node, struct instruction *in, struct err *err)
{
	const char *name = instruction_name(in->kind);
	struct heredoc doc;
	size_t n = node->args.n;

	if (n < 2)
		return err_set(err, -EINVAL,
			"%s requires at least two arguments, but only %s provided. "
			"Destination could not be determined",
			name, n == 1 ? "one was" : "none were");
	TRY(flags_parse(
		&node->flags, in->kind == INS_ADD ? add_flags : copy_flags, &in->copy, err));
	if (heredoc_word(node->args.v[n - 1], &doc)) {
		heredoc_done(&doc);
		return err_set(err, -EINVAL, "%s cannot accept a heredoc as a destination", name);
	}
	in->copy.dest = xstrdup(node->args.v[n - 1]);
	for (size_t i = 0; i + 1 < n; i++)
		add_source(node, node->args.v[i], &in->copy);
	return 0;
}

/* ---- FROM ---- */

static const struct flag from_flags[] = {
	{ "platform", FLAG_STRING, offsetof(struct instruction, platform) },
	{ NULL },
};

static bool stage_name_ok(const char *name)
{
	return *name >= 'a' && *name <= 'z' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.")];
}

static int read_from(const struct node *node, struct instruction *in, struct err *err)
{
	const struct strv *args = &node->args;

	if (args->n == 3 && strcasecmp(args->v[1], "as") == 0) {
		in->stage_name = xstrdup(args->v[2]);
		text_lower(in->stage_name);
		if (!stage_name_ok(in->stage_name))
			return err_set(err, -EINVAL,
				"invalid name for build stage: \"%s\", name can't start with a "
				"number or contain symbols",
				args->v[2]);
	} else if (args->n != 1) {
		return err_set(err, -EINVAL, "FROM requires either one or three arguments");
	}
	TRY(flags_parse(&node->flags, from_flags, in, err));
	strv_add(&in->args, args->v[0]);
	return 0;
}

/* ---- RUN, CMD, ENTRYPOINT, SHELL, HEALTHCHECK ---- */

static int read_words(const struct node *node, struct instruction *in, struct err *err)
{
	in->exec_form = node->json;
	strv_each (arg, &node->args) {
		if (strstr(*arg, DOCKERFILE_NUL))
			return err_set(err, -EINVAL, "an argument holds a NUL character");
		strv_add(&in->args, *arg);
	}
	return 0;
}

static int read_command(const struct node *node, struct instruction *in, struct err *err)
{
	TRY(flags_parse(&node->flags, no_flags, NULL, err));
	return read_words(node, in, err);
}

static int read_shell(const struct node *node, struct instruction *in, struct err *err)
{
	TRY(read_command(node, in, err));
	if (in->args.n == 0)
		return at_least_one("SHELL", err);
	if (!in->exec_form)
		return err_set(err, -EINVAL,
			"SHELL requires the arguments to be in JSON form, such as "
			"SHELL [\"/bin/sh\", \"-c\"]");
	return 0;
}

struct run_flags {
	struct strv mounts;
	char *network, *security;
};

static void run_flags_done(struct run_flags *f)
{
	strv_done(&f->mounts);
	free(f->network);
	free(f->security);
}

static const struct flag run_flag_table[] = {
	{ "mount", FLAG_LIST, offsetof(struct run_flags, mounts) },
	{ "network", FLAG_STRING, offsetof(struct run_flags, network) },
	{ "security", FLAG_STRING, offsetof(struct run_flags, security) },
	{ NULL },
};

static int read_run_network(const char *value, struct run_words *run, struct err *err)
{
	static const char *const modes[] = {
		[RUN_NETWORK_DEFAULT] = "default",
		[RUN_NETWORK_NONE] = "none",
		[RUN_NETWORK_HOST] = "host",
	};

	for (size_t i = 0; value && i < ARRAY_SIZE(modes); i++) {
		if (strcmp(modes[i], value) != 0)
			continue;
		run->network = (enum run_network)i;
		value = NULL;
	}
	return value ? err_set(err, -EINVAL, "invalid network mode \"%s\"", value) : 0;
}

static int read_run(const struct node *node, struct instruction *in, struct err *err)
{
	__attribute__((cleanup(run_flags_done))) struct run_flags flags = { 0 };
	struct run_words *run = &in->run;

	TRY(flags_parse(&node->flags, run_flag_table, &flags, err));
	TRY(read_run_network(flags.network, run, err));
	run->insecure = flags.security && strcmp(flags.security, "insecure") == 0;
	if (flags.security && !run->insecure && strcmp(flags.security, "sandbox") != 0)
		return err_set(err, -EINVAL, "security \"%s\" is not valid", flags.security);
	run->mounts = xcalloc(flags.mounts.n, sizeof(*run->mounts));
	strv_each (text, &flags.mounts) {
		TRY(run_mount_parse(*text, NULL, &run->mounts[run->n_mounts], err));
		run->n_mounts++;
		strv_add(&run->mount_texts, *text);
	}
	TRY(read_words(node, in, err));
	return in->args.n == 0 ? at_least_one("RUN", err) : 0;
}

struct health_flags {
	char *interval, *timeout, *start_period, *start_interval, *retries;
};

static void health_flags_done(struct health_flags *f)
{
	free(f->interval);
	free(f->timeout);
	free(f->start_period);
	free(f->start_interval);
	free(f->retries);
}

static const struct flag health_flag_table[] = {
	{ "interval", FLAG_STRING, offsetof(struct health_flags, interval) },
	{ "timeout", FLAG_STRING, offsetof(struct health_flags, timeout) },
	{ "start-period", FLAG_STRING, offsetof(struct health_flags, start_period) },
	{ "start-interval", FLAG_STRING, offsetof(struct health_flags, start_interval) },
	{ "retries", FLAG_STRING, offsetof(struct health_flags, retries) },
	{ NULL },
};

static int read_interval(const char *name, const char *value, int64_t *ret, struct err *err)
{
	if (!value || !*value)
		return 0;
	TRY(parse_duration(value, ret, err));
	if (*ret != 0 && *ret < 1000000)
		return err_set(err, -EINVAL, "Interval \"%s\" cannot be less than 1ms", name);
	return 0;
}

static int read_retries(const char *value, int *ret, struct err *err)
{
	char *end;
	long n;

	if (!value || !*value)
		return 0;
	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || *end || n > INT32_MAX || n < INT32_MIN)
		return err_set(err, -EINVAL, "--retries is not a number: %s", value);
	if (n < 0)
		return err_set(err, -EINVAL, "--retries cannot be negative (%ld)", n);
	*ret = (int)n;
	return 0;
}

static int read_health_flags(const struct strv *flags, struct health_words *h, struct err *err)
{
	__attribute__((cleanup(health_flags_done))) struct health_flags f = { 0 };

	TRY(flags_parse(flags, health_flag_table, &f, err));
	TRY(read_interval("interval", f.interval, &h->interval, err));
	TRY(read_interval("timeout", f.timeout, &h->timeout, err));
	TRY(read_interval("start-period", f.start_period, &h->start_period, err));
	TRY(read_interval("start-interval", f.start_interval, &h->start_interval, err));
	return read_retries(f.retries, &h->retries, err);
}

static int read_health(const struct node *node, struct instruction *in, struct err *err)
{
	const char *type = node->args.n > 0 ? node->args.v[0] : NULL;

	if (!type)
		return at_least_one("HEALTHCHECK", err);
	if (strcasecmp(type, "NONE") == 0) {
		in->health.kind = HEALTH_NONE;
		return node->args.n == 1
			       ? 0
			       : err_set(err, -EINVAL, "HEALTHCHECK NONE takes no arguments");
	}
	TRY(read_health_flags(&node->flags, &in->health, err));
	if (strcasecmp(type, "CMD") != 0)
		return err_set(err, -EINVAL, "Unknown type \"%s\" in HEALTHCHECK (try CMD)", type);
	TRY(read_words(node, in, err));
	free(in->args.v[0]);
	memmove(in->args.v, in->args.v + 1, in->args.n * sizeof(*in->args.v));
	in->args.n--;
	in->health.kind = in->exec_form ? HEALTH_EXEC : HEALTH_SHELL;
	return in->args.n > 0 ? 0 : err_set(err, -EINVAL, "Missing command after HEALTHCHECK CMD");
}

/* ---- the others ---- */

static int read_one(const struct node *node, struct instruction *in, struct err *err)
{
	if (node->args.n != 1)
		return err_set(err, -EINVAL, "%s requires exactly one argument",
			instruction_name(in->kind));
	TRY(flags_parse(&node->flags, no_flags, NULL, err));
	strv_add(&in->args, node->args.v[0]);
	return 0;
}

static int read_list(const struct node *node, struct instruction *in, struct err *err)
{
	TRY(flags_parse(&node->flags, no_flags, NULL, err));
	if (node->args.n == 0)
		return at_least_one(instruction_name(in->kind), err);
	strv_each (arg, &node->args) {
		struct span s = text_trim(*arg, strlen(*arg));

		if (s.len == 0 && in->kind == INS_VOLUME)
			return err_set(err, -EINVAL, "VOLUME specified can not be an empty string");
		strv_adopt(&in->args, xstrndup(s.at, s.len));
	}
	return 0;
}

/* The trigger is kept as text, as images keep it: it is read again where the image is a base. */
static int read_onbuild(const struct node *node, struct instruction *in, struct err *err)
{
	struct buf text = BUF_INIT;
	const char *keyword = node->child ? node->child->keyword : "";
	const char *rest = strcasestr(node->original, "onbuild") + strlen("onbuild");

	if (!node->child)
		return at_least_one("ONBUILD", err);
	TRY(flags_parse(&node->flags, no_flags, NULL, err));
	if (split_is_keyword(keyword, "onbuild"))
		return err_set(
			err, -EINVAL, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (split_is_keyword(keyword, "from") || split_is_keyword(keyword, "maintainer"))
		return err_set(err, -EINVAL, "%s isn't allowed as an ONBUILD trigger",
			split_is_keyword(keyword, "from") ? "FROM" : "MAINTAINER");
	while (text_space(rest))
		rest += text_space(rest);
	buf_adds(&text, rest);
	for (size_t i = 0; i < node->n_heredocs; i++)
		buf_addf(&text, "\n%s%s", node->heredocs[i].content, node->heredocs[i].name);
	strv_adopt(&in->args, buf_steal(&text));
	return 0;
}

static const read_fn readers[INS_KINDS] = {
	[INS_ADD] = read_copy,
	[INS_ARG] = read_arg,
	[INS_CMD] = read_command,
	[INS_COPY] = read_copy,
	[INS_ENTRYPOINT] = read_command,
	[INS_ENV] = read_pairs,
	[INS_EXPOSE] = read_list,
	[INS_FROM] = read_from,
	[INS_HEALTHCHECK] = read_health,
	[INS_LABEL] = read_pairs,
	[INS_MAINTAINER] = read_one,
	[INS_ONBUILD] = read_onbuild,
	[INS_RUN] = read_run,
	[INS_SHELL] = read_shell,
	[INS_STOPSIGNAL] = read_one,
	[INS_USER] = read_one,
	[INS_VOLUME] = read_list,
	[INS_WORKDIR] = read_one,
};

static int unknown_keyword(const char *keyword, struct err *err)
{
	const char *names[INS_KINDS + 1] = { NULL };
	const char *near;

	for (int kind = 0; kind < INS_KINDS; kind++)
		names[kind] = instruction_name((enum instruction_kind)kind);
	near = diagnose_nearest(keyword, names);
	return err_set(err, -EINVAL, "unknown instruction: %.80s%s%s%s", keyword,
		near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static void take_heredocs(const struct node *node, struct instruction *in)
{
	in->heredocs = xcalloc(node->n_heredocs, sizeof(*in->heredocs));
	for (size_t i = 0; i < node->n_heredocs; i++) {
		in->heredocs[i] = node->heredocs[i];
		in->heredocs[i].name = xstrdup(node->heredocs[i].name);
		in->heredocs[i].content = xstrdup(node->heredocs[i].content);
		in->n_heredocs++;
	}
}

int instruction_parse(const struct node *node, struct instruction *ret, struct err *err)
{
	struct instruction in = { .lines = node->lines };
	struct span text = text_trim(node->original, strlen(node->original));
	int kind = 0;

	while (kind < INS_KINDS &&
		!split_is_keyword(node->keyword, instruction_name((enum instruction_kind)kind)))
		kind++;
	if (kind == INS_KINDS)
		return unknown_keyword(node->keyword, err);
	in.kind = (enum instruction_kind)kind;
	in.text = xstrndup(text.at, text.len);
	if (readers[kind](node, &in, err) < 0) {
		instruction_done(&in);
		return err->code;
	}
	if (in.kind == INS_RUN)
		take_heredocs(node, &in);
	*ret = in;
	return 0;
}
