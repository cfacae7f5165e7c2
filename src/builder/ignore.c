/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns are rows of tokens, matched by carrying the set of tokens that may come next, so that no
 * number of stars makes it slow. Two quirks are kept because .dockerignore files rely on them: "**" at
 * the very beginning, followed by nothing special, means "ends with"; a literal followed by "**" at the
 * end means "begins with".
 */
#include "builder/ignore.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/glob.h"
#include "builder/text.h"

struct rule {
	struct glob glob;
	bool take_back; /* "!" */
};

struct ignore {
	struct rule *rules;
	size_t n;
};

static void read_line(const char *line, size_t len, struct strv *ret)
{
	struct span s = text_trim(line, len);
	bool invert = s.len > 0 && *s.at == '!';
	autofree char *text = NULL, *clean = NULL;

	if (len == 0 || *line == '#' || s.len == 0)
		return;
	if (invert)
		s = text_trim(s.at + 1, s.len - 1);
	text = xstrndup(s.at, s.len);
	clean = s.len > 0 ? text_clean_path(text) : xstrdup("");
	strv_addf(ret, "%s%s", invert ? "!" : "", clean + (clean[0] == '/' && clean[1]));
}

void ignore_read(const char *text, size_t len, struct strv *ret)
{
	const char *end = text + len;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		read_line(text, (size_t)(stop - text), ret);
		text = newline ? newline + 1 : end;
	}
}

static int add_rule(struct ignore *ignore, const char *pattern, struct err *err)
{
	struct rule *rule;
	autofree char *clean = text_clean_path(pattern);

	if (strcmp(clean, "!") == 0)
		return err_set(err, -EINVAL, "illegal exclusion pattern: \"!\"");
	ignore->rules = xgrow(ignore->rules, ignore->n, sizeof(*ignore->rules));
	rule = &ignore->rules[ignore->n];
	*rule = (struct rule){ .take_back = *clean == '!' };
	TRY(glob_compile(clean + rule->take_back, &rule->glob, err));
	ignore->n++;
	return 0;
}

int ignore_new(const struct strv *patterns, struct ignore **ret, struct err *err)
{
	autoignore struct ignore *ignore = xcalloc(1, sizeof(*ignore));

	strv_each (pattern, patterns) {
		struct span s = text_trim(*pattern, strlen(*pattern));
		autofree char *text = xstrndup(s.at, s.len);

		if (s.len > 0)
			TRY(add_rule(ignore, text, err));
	}
	*ret = move_ptr(&ignore);
	return 0;
}

void ignore_free(struct ignore *ignore)
{
	if (!ignore)
		return;
	for (size_t i = 0; i < ignore->n; i++)
		glob_done(&ignore->rules[i].glob);
	free(ignore->rules);
	free(ignore);
}

void ignore_free_(struct ignore **ignore)
{
	ignore_free(*ignore);
}

/* The path or one of its parents. */
static bool rule_matches(const struct rule *rule, const char *path)
{
	const char *slash = path;

	if (glob_match(&rule->glob, path, strlen(path)))
		return true;
	while ((slash = strchr(slash, '/'))) {
		if (glob_match(&rule->glob, path, (size_t)(slash - path)))
			return true;
		slash++;
	}
	return false;
}

bool ignore_match(const struct ignore *ignore, const char *path)
{
	bool matched = false;

	if (!ignore || strcmp(path, ".") == 0)
		return false;
	for (size_t i = 0; i < ignore->n; i++) {
		const struct rule *rule = &ignore->rules[i];

		if (rule->take_back == matched && rule_matches(rule, path))
			matched = !rule->take_back;
	}
	return matched;
}

bool ignore_may_hold(const struct ignore *ignore, const char *dir)
{
	autofree char *below = xasprintf("%s/", dir);

	for (size_t i = 0; ignore && i < ignore->n; i++) {
		const struct rule *rule = &ignore->rules[i];

		if (rule->take_back &&
			(rule_matches(rule, dir) || glob_may_continue(&rule->glob, below)))
			return true;
	}
	return false;
}
