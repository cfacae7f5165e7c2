/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Instructions that change nothing but the configuration: ARG CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL
 * MAINTAINER ONBUILD SHELL STOPSIGNAL USER VOLUME. Each leaves a line in the history, in BuildKit's words.
 */
#include "builder/build.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

static struct json *config_member(const struct step *s, const char *key, bool list)
{
	struct json *config = snapshot_config(s->snap);

	if (json_kind(json_get(config, key)) != (list ? JSON_LIST : JSON_MAP))
		json_put(config, key, list ? json_new_list() : json_new_map());
	return json_get(config, key);
}

/* ["a" "b"], as Go prints a list of quoted strings. */
static void quoted(const struct strv *words, struct buf *out)
{
	buf_addc(out, '[');
	strv_each (word, words) {
		autojson struct json *text = json_new_string(*word);

		if (word != words->v)
			buf_addc(out, ' ');
		json_write(text, 0, out);
	}
	buf_addc(out, ']');
}

static void plain(const struct strv *words, struct buf *out)
{
	buf_addc(out, '[');
	strv_each (word, words)
		buf_addf(out, "%s%s", word == words->v ? "" : " ", *word);
	buf_addc(out, ']');
}

/* The words that are executed: the exec form's, or the shell's and the line. */
static void command_words(const struct step *s, struct strv *ret)
{
	const struct instruction *in = &s->in;

	if (!in->exec_form && in->args.n > 0) {
		json_strv(json_get(snapshot_config(s->snap), "Shell"), ret);
		if (ret->n == 0) {
			strv_add(ret, "/bin/sh");
			strv_add(ret, "-c");
		}
	}
	strv_extend(ret, &in->args);
}

static int do_command(struct step *s, struct buf *line, struct err *err)
{
	autostrv struct strv words = STRV_INIT;
	struct json *config = snapshot_config(s->snap);
	bool entrypoint = s->in.kind == INS_ENTRYPOINT;

	(void)err;
	command_words(s, &words);
	json_put(config, entrypoint ? "Entrypoint" : "Cmd", json_new_strv(&words));
	if (entrypoint && !s->snap->cmd_set)
		json_del(config, "Cmd"); /* the base's is no argument of this one */
	if (!entrypoint)
		s->snap->cmd_set = true;
	quoted(&words, line);
	return 0;
}

static int do_env(struct step *s, struct buf *line, struct err *err)
{
	struct json *config = snapshot_config(s->snap);
	autostrv struct strv env = STRV_INIT;

	(void)err;
	json_strv(json_get(config, "Env"), &env);
	for (size_t i = 0; i < s->in.n_pairs; i++) {
		const struct pair *pair = &s->in.pairs[i];
		autofree char *text = xasprintf("%s=%s", pair->key, pair->value);

		strv_env_set(&env, text);
		buf_addf(line, "%s%s", i ? " " : "", text);
	}
	json_put(config, "Env", json_new_strv(&env));
	return 0;
}

static int do_label(struct step *s, struct buf *line, struct err *err)
{
	struct json *labels = config_member(s, "Labels", false);

	(void)err;
	for (size_t i = 0; i < s->in.n_pairs; i++) {
		const struct pair *pair = &s->in.pairs[i];

		json_put_string(labels, pair->key, pair->value);
		buf_addf(line, "%s%s=%s", i ? " " : "", pair->key, pair->value);
	}
	return 0;
}

static const char *value_of(const struct strv *list, const char *name)
{
	return list ? strv_env_get(list, name) : NULL;
}

/* --build-arg beats the default, which beats an ARG before the first FROM. */
static const char *arg_value(const struct step *s, const struct pair *pair)
{
	const struct build *b = s->build;
	const char *value = value_of(&b->args_given, pair->key);

	if (!value)
		value = pair->value;
	if (!value)
		value = value_of(&b->stages.global_args, pair->key);
	if (!value)
		value = value_of(&b->platform_args, pair->key);
	return value;
}

static int do_arg(struct step *s, struct buf *line, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < s->in.n_pairs; i++) {
		const struct pair *pair = &s->in.pairs[i];
		const char *value = arg_value(s, pair);
		autofree char *text = value ? xasprintf("%s=%s", pair->key, value)
					    : xstrdup(pair->key);

		if (value)
			strv_env_set(&s->snap->args, text);
		if (!strv_has(&s->snap->arg_names, pair->key))
			strv_add(&s->snap->arg_names, pair->key);
		buf_addf(line, "%s%s", i ? " " : "", text);
	}
	return 0;
}

static int do_expose(struct step *s, struct buf *line, struct err *err)
{
	struct json *ports = config_member(s, "ExposedPorts", false);
	autostrv struct strv list = STRV_INIT;

	TRY(instruction_ports(&s->in, &list, err));
	strv_each (port, &list)
		json_put(ports, *port, json_new_map());
	plain(&list, line);
	return 0;
}

static int do_volume(struct step *s, struct buf *line, struct err *err)
{
	struct json *volumes = config_member(s, "Volumes", false);

	strv_each (path, &s->in.args) {
		if (!**path)
			return err_set(err, -EINVAL, "VOLUME specified can not be an empty string");
		json_put(volumes, *path, json_new_map());
	}
	plain(&s->in.args, line);
	return 0;
}

static int do_healthcheck(struct step *s, struct buf *line, struct err *err)
{
	const struct health_words *health = &s->in.health;
	const struct {
		const char *key;
		int64_t value;
	} numbers[] = { { "Interval", health->interval }, { "Timeout", health->timeout },
		{ "StartPeriod", health->start_period },
		{ "StartInterval", health->start_interval }, { "Retries", health->retries } };
	struct json *check = json_new_map();
	autostrv struct strv test = STRV_INIT;

	(void)err;
	strv_add(&test, health->kind == HEALTH_NONE    ? "NONE"
			: health->kind == HEALTH_SHELL ? "CMD-SHELL"
						       : "CMD");
	strv_extend(&test, &s->in.args);
	json_put(check, "Test", json_new_strv(&test));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value)
			json_put_int(check, numbers[i].key, numbers[i].value);
	json_put(snapshot_config(s->snap), "Healthcheck", check);
	buf_addc(line, '&');
	json_write(check, 0, line);
	return 0;
}

static int do_maintainer(struct step *s, struct buf *line, struct err *err)
{
	(void)err;
	json_put_string(s->snap->doc, "author", s->in.args.n ? s->in.args.v[0] : "");
	buf_adds(line, s->in.args.n ? s->in.args.v[0] : "");
	return 0;
}

static int do_onbuild(struct step *s, struct buf *line, struct err *err)
{
	const char *trigger = s->in.args.n ? s->in.args.v[0] : "";

	(void)err;
	json_push(config_member(s, "OnBuild", true), json_new_string(trigger));
	buf_adds(line, trigger);
	return 0;
}

static int do_shell(struct step *s, struct buf *line, struct err *err)
{
	(void)err;
	json_put(snapshot_config(s->snap), "Shell", json_new_strv(&s->in.args));
	plain(&s->in.args, line);
	return 0;
}

/* As BuildKit judges it: any number but 0, or a name. What means nothing here may mean something where the
 * image runs. */
static int check_signal(const char *value, struct err *err)
{
	const char *digits = value + (*value == '-' || *value == '+');
	size_t n = strspn(digits, "0123456789");

	if (n > 0 && n < 10 && !digits[n] && strspn(digits, "0") < n)
		return 0;
	return parse_signal(value, err);
}

static int do_word(struct step *s, struct buf *line, struct err *err)
{
	const char *key = s->in.kind == INS_USER ? "User" : "StopSignal";
	const char *value = s->in.args.n ? s->in.args.v[0] : "";

	if (s->in.kind == INS_STOPSIGNAL)
		TRY(check_signal(value, err));
	json_put_string(snapshot_config(s->snap), key, value);
	buf_adds(line, value);
	return 0;
}

typedef int (*config_fn)(struct step *s, struct buf *line, struct err *err);

static const config_fn functions[INS_KINDS] = {
	[INS_ARG] = do_arg,
	[INS_CMD] = do_command,
	[INS_ENTRYPOINT] = do_command,
	[INS_ENV] = do_env,
	[INS_EXPOSE] = do_expose,
	[INS_HEALTHCHECK] = do_healthcheck,
	[INS_LABEL] = do_label,
	[INS_MAINTAINER] = do_maintainer,
	[INS_ONBUILD] = do_onbuild,
	[INS_SHELL] = do_shell,
	[INS_STOPSIGNAL] = do_word,
	[INS_USER] = do_word,
	[INS_VOLUME] = do_volume,
};

int step_metadata(struct step *s, struct err *err)
{
	autobuf struct buf line = BUF_INIT;

	buf_addf(&line, "%s ", instruction_name(s->in.kind));
	TRY(functions[s->in.kind](s, &line, err));
	snapshot_history(s->snap, line.data, true);
	return 0;
}
