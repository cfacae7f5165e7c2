/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --log-opt labels, labels-regex, env, env-regex and tag add to each line of a log, in Docker's form:
 * "attrs":{"name":"value"}. They are of the container, so the text is made once. Patterns are POSIX's extended
 * ones; which are wrong is said when the container is made (parse_log_opt()).
 */
#include "state/internal.h"

#include <regex.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

struct attr_choice {
	const char *names; /* "a,b" or NULL */
	bool has_pattern;
	regex_t pattern;
};

static void attr_choice_init(
	const struct json *opts, const char *names, const char *pattern, struct attr_choice *ret)
{
	const char *text = json_str(json_get(opts, pattern), NULL);

	ret->names = json_str(json_get(opts, names), NULL);
	ret->has_pattern = text && regcomp(&ret->pattern, text, REG_EXTENDED | REG_NOSUB) == 0;
}

static void attr_choice_done(struct attr_choice *choice)
{
	if (choice->has_pattern)
		regfree(&choice->pattern);
}

static bool is_chosen(const struct attr_choice *choice, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = choice->names; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && strncmp(p, name, len) == 0)
			return true;
	return choice->has_pattern && regexec(&choice->pattern, name, 0, NULL, 0) == 0;
}

struct json *log_attrs(const struct json *config)
{
	const struct json *opts = json_get(config, "logOpts");
	const char *tag = json_str(json_get(opts, "tag"), NULL);
	struct json *attrs = json_new_map();
	struct attr_choice labels = { 0 }, env = { 0 };

	attr_choice_init(opts, "labels", "labels-regex", &labels);
	attr_choice_init(opts, "env", "env-regex", &env);
	json_each (it, json_get(config, "labels"))
		if (is_chosen(&labels, it.key))
			json_put(attrs, it.key, json_ref(it.value));
	json_each (it, json_get(config, "env")) {
		const char *text = json_str(it.value, ""), *equals = strchr(text, '=');
		autofree char *name = xstrndup(
			text, equals ? (size_t)(equals - text) : strlen(text));

		if (equals && is_chosen(&env, name))
			json_put_string(attrs, name, equals + 1);
	}
	if (tag && *tag)
		json_put_string(attrs, "tag", tag);
	attr_choice_done(&labels);
	attr_choice_done(&env);
	return attrs;
}
