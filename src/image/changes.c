/* SPDX-License-Identifier: Apache-2.0 */
#include "image/changes.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "base/strv.h"
#include "base/xalloc.h"
#include "options/options.h"

#define PORT_MAX 65535

typedef int (*change_fn)(struct json *config, const char *rest, struct err *err);

static struct json *child(struct json *config, const char *key, enum json_type kind)
{
	if (json_kind(json_get(config, key)) != kind)
		json_put(config, key, kind == JSON_MAP ? json_new_map() : json_new_list());
	return json_get(config, key);
}

/* Words, with quotes and backslashes as in a Dockerfile: NAME="two words" is one. */
static int split_words(const char *text, struct strv *ret, struct err *err)
{
	autobuf struct buf word = BUF_INIT;
	char quote = 0;
	bool any = false;

	for (const char *p = text;; p++) {
		bool end = *p == '\0' || (!quote && isspace((unsigned char)*p));

		if (*p == '\0' && quote)
			return err_set(err, -EINVAL, "a %c is not closed: %.150s", quote, text);
		if (end && any)
			strv_add(ret, word.data ? word.data : "");
		if (*p == '\0')
			return 0;
		if (end) {
			buf_reset(&word);
			any = false;
			continue;
		}
		any = true;
		if (*p == quote)
			quote = 0;
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
		else if (*p == '\\' && quote != '\'' && p[1])
			buf_addc(&word, *++p);
		else
			buf_addc(&word, *p);
	}
}

/* ["a","b"] as a list of strings; NULL when it is not that. */
static struct json *exec_form(const char *text)
{
	autojson struct json *list = NULL;
	struct err ignored = ERR_INIT; /* then it is the shell form */

	if (*text != '[' || json_parse(text, strlen(text), &list, &ignored) < 0)
		return NULL;
	json_each (it, list)
		if (json_kind(it.value) != JSON_STR)
			return NULL;
	return move_ptr(&list);
}

static struct json *command(struct json *config, const char *rest)
{
	struct json *list = exec_form(rest);
	autostrv struct strv shell = STRV_INIT;

	if (list)
		return list;
	json_strv(json_get(config, "Shell"), &shell);
	if (shell.n == 0) {
		strv_add(&shell, "/bin/sh");
		strv_add(&shell, "-c");
	}
	strv_add(&shell, rest);
	return json_new_strv(&shell);
}

static int change_cmd(struct json *config, const char *rest, struct err *err)
{
	(void)err;
	json_put(config, "Cmd", command(config, rest));
	return 0;
}

static int change_entrypoint(struct json *config, const char *rest, struct err *err)
{
	(void)err;
	json_put(config, "Entrypoint", command(config, rest));
	return 0;
}

/* "NAME=value…" or the old "NAME value to the end": fn for each pair. */
static int each_pair(struct json *target, const char *rest, const char *what,
	void (*fn)(struct json *target, const char *key, const char *value), struct err *err)
{
	size_t first = strcspn(rest, " \t=");
	autostrv struct strv words = STRV_INIT;

	if (rest[first] != '=') {
		autofree char *key = xstrndup(rest, first);
		const char *value = rest + first + strspn(rest + first, " \t");

		if (!*value)
			return err_set(err, -EINVAL, "%s must have two arguments", what);
		fn(target, key, value);
		return 0;
	}
	TRY(split_words(rest, &words, err));
	strv_each (word, &words) {
		size_t len = strcspn(*word, "=");
		autofree char *key = xstrndup(*word, len);

		if (len == 0 || !(*word)[len])
			return err_set(err, -EINVAL, "%s: '%.100s' is not of the form name=value",
				what, *word);
		fn(target, key, *word + len + 1);
	}
	return 0;
}

static void set_env(struct json *config, const char *key, const char *value)
{
	autofree char *assignment = xasprintf("%s=%s", key, value);
	autostrv struct strv env = STRV_INIT;

	json_strv(json_get(config, "Env"), &env);
	strv_env_set(&env, assignment);
	json_put(config, "Env", json_new_strv(&env));
}

static int change_env(struct json *config, const char *rest, struct err *err)
{
	return each_pair(config, rest, "ENV", set_env, err);
}

static void set_label(struct json *config, const char *key, const char *value)
{
	json_put_string(child(config, "Labels", JSON_MAP), key, value);
}

static int change_label(struct json *config, const char *rest, struct err *err)
{
	return each_pair(config, rest, "LABEL", set_label, err);
}

static int port_number(const char *text, const char **ret_end)
{
	char *end;
	long n = strtol(text, &end, 10);

	*ret_end = end;
	return *text < '0' || *text > '9' || n < 1 || n > PORT_MAX ? -EINVAL : (int)n;
}

static int expose(struct json *ports, const char *word, struct err *err)
{
	const char *end, *proto = strchr(word, '/');
	int from = port_number(word, &end), to = from;

	if (from > 0 && *end == '-')
		to = port_number(end + 1, &end);
	if (from < 0 || to < from || (*end && end != proto))
		return err_set(err, -EINVAL, "EXPOSE: invalid port '%.100s'", word);
	proto = proto ? proto + 1 : "tcp";
	if (strcasecmp(proto, "tcp") != 0 && strcasecmp(proto, "udp") != 0 &&
		strcasecmp(proto, "sctp") != 0)
		return err_set(err, -EINVAL, "EXPOSE: invalid protocol '%.100s'", word);
	for (int port = from; port <= to; port++) {
		autofree char *key = xasprintf("%d/%s", port, proto);

		for (char *p = key; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_put(ports, key, json_new_map());
	}
	return 0;
}

static int change_expose(struct json *config, const char *rest, struct err *err)
{
	autostrv struct strv words = STRV_INIT;

	TRY(split_words(rest, &words, err));
	strv_each (word, &words)
		TRY(expose(child(config, "ExposedPorts", JSON_MAP), *word, err));
	return 0;
}

static int change_volume(struct json *config, const char *rest, struct err *err)
{
	autojson struct json *list = exec_form(rest);
	autostrv struct strv words = STRV_INIT;

	if (list)
		json_strv(list, &words);
	else
		TRY(split_words(rest, &words, err));
	strv_each (word, &words) {
		if (**word != '/')
			return err_set(
				err, -EINVAL, "VOLUME: '%.100s' is not an absolute path", *word);
		json_put(child(config, "Volumes", JSON_MAP), *word, json_new_map());
	}
	return 0;
}

static int change_onbuild(struct json *config, const char *rest, struct err *err)
{
	(void)err;
	json_push(child(config, "OnBuild", JSON_LIST), json_new_string(rest));
	return 0;
}

static int change_stopsignal(struct json *config, const char *rest, struct err *err)
{
	(void)err;
	json_put_string(config, "StopSignal", rest);
	return 0;
}

static int change_user(struct json *config, const char *rest, struct err *err)
{
	(void)err;
	json_put_string(config, "User", rest);
	return 0;
}

/* Relative to the one before, as in a Dockerfile. */
static int change_workdir(struct json *config, const char *rest, struct err *err)
{
	const char *before = json_str(json_get(config, "WorkingDir"), "");
	autofree char *path = *rest == '/' ? xstrdup(rest) : xasprintf("%s/%s", before, rest);

	(void)err;
	json_put_string(config, "WorkingDir", path);
	return 0;
}

/* One of HEALTHCHECK's own options, "--interval=5s". */
static int health_flag(struct json *health, const char *word, size_t len, struct err *err)
{
	static const char *const names[][2] = { { "--interval", "Interval" },
		{ "--timeout", "Timeout" }, { "--start-period", "StartPeriod" },
		{ "--start-interval", "StartInterval" }, { "--retries", "Retries" } };
	size_t name = strcspn(word, "=");
	autofree char *value = name < len ? xstrndup(word + name + 1, len - name - 1) : NULL;
	int64_t n;

	for (size_t i = 0; value && i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i][0]) != name || memcmp(names[i][0], word, name) != 0)
			continue;
		if (strcmp(names[i][1], "Retries") == 0)
			n = strtoll(value, NULL, 10);
		else
			TRY(parse_duration(value, &n, err));
		if (n <= 0)
			return err_set(err, -EINVAL, "HEALTHCHECK: '%.100s' is too little", word);
		json_put_int(health, names[i][1], n);
		return 0;
	}
	return err_set(err, -EINVAL, "HEALTHCHECK: unknown flag '%.*s'", (int)len, word);
}

static struct json *health_test(const char *command)
{
	struct json *list = exec_form(command), *test = json_new_list();

	json_push(test, json_new_string(list ? "CMD" : "CMD-SHELL"));
	json_each (it, list)
		json_push(test, json_ref(it.value));
	if (!list)
		json_push(test, json_new_string(command));
	json_free(list);
	return test;
}

/* HEALTHCHECK NONE, or [--interval=… …] CMD command */
static int change_healthcheck(struct json *config, const char *rest, struct err *err)
{
	autojson struct json *health = json_new_map();
	size_t len;

	for (; strncmp(rest, "--", 2) == 0; rest += len + strspn(rest + len, " \t")) {
		len = strcspn(rest, " \t");
		TRY(health_flag(health, rest, len, err));
	}
	len = strcspn(rest, " \t");
	if (len == 4 && strncasecmp(rest, "NONE", len) == 0 && !rest[len]) {
		struct json *none = json_new_list();

		json_push(none, json_new_string("NONE"));
		json_put(health, "Test", none);
	} else if (len == 3 && strncasecmp(rest, "CMD", len) == 0 && rest[len]) {
		json_put(health, "Test", health_test(rest + len + strspn(rest + len, " \t")));
	} else {
		return err_set(err, -EINVAL, "HEALTHCHECK: neither NONE nor CMD: '%.100s'", rest);
	}
	json_put(config, "Healthcheck", move_ptr(&health));
	return 0;
}

static const struct {
	const char *name;
	change_fn fn;
} changes[] = {
	{ "CMD", change_cmd },
	{ "ENTRYPOINT", change_entrypoint },
	{ "ENV", change_env },
	{ "EXPOSE", change_expose },
	{ "HEALTHCHECK", change_healthcheck },
	{ "LABEL", change_label },
	{ "ONBUILD", change_onbuild },
	{ "STOPSIGNAL", change_stopsignal },
	{ "USER", change_user },
	{ "VOLUME", change_volume },
	{ "WORKDIR", change_workdir },
};

int changes_apply(struct json *config, const char *instruction, struct err *err)
{
	const char *text = instruction + strspn(instruction, " \t");
	size_t len = strcspn(text, " \t");
	autofree char *rest = xstrdup(text + len + strspn(text + len, " \t"));

	for (size_t n = strlen(rest); n > 0 && isspace((unsigned char)rest[n - 1]); n--)
		rest[n - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		if (strlen(changes[i].name) != len || strncasecmp(changes[i].name, text, len) != 0)
			continue;
		if (!*rest)
			return err_set(
				err, -EINVAL, "--change: %s needs an argument", changes[i].name);
		if (changes[i].fn(config, rest, err) < 0)
			return err_wrap(err, "--change");
		return 0;
	}
	return err_set(
		err, -EINVAL, "--change: '%.*s' is not a valid change command", (int)len, text);
}
