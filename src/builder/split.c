/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/split.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/text.h"

#define BLANKS   "\t\v\f\r "
#define ONBUILDS 8 /* ONBUILD ONBUILD … is refused later, but not by running out of stack */

struct cut {
	const char *rest; /* trimmed */
	char escape;
	unsigned depth;
};

typedef int (*cut_fn)(const struct cut *cut, struct node *node, struct err *err);

bool split_is_keyword(const char *keyword, const char *name)
{
	return strcasecmp(keyword, name) == 0;
}

/* ---- the ways arguments are cut ---- */

/* A word ends at a blank outside quotes. Quotes and escapes stay in it; they are undone when it is
 * expanded. Returns the first byte after the word, which is appended to words unless empty. */
static const char *take_word(const char *p, char escape, struct strv *words)
{
	autobuf struct buf word = BUF_INIT;
	char quote = '\0';
	size_t len;

	for (; *p && (quote || text_space(p) == 0); p += len) {
		(void)text_decode(p, &len); /* its length is what is wanted */
		if (*p == escape && quote != '\'') {
			if (!p[1]) { /* at the end of the line it is nothing */
				len = 1;
				continue;
			}
			buf_addc(&word, *p++);
			(void)text_decode(p, &len); /* its length is what is wanted */
		} else if (quote) {
			quote = *p == quote ? '\0' : quote;
		} else if (*p == '\'' || *p == '"') {
			quote = *p;
		}
		buf_add(&word, p, len);
	}
	if (word.len > 0)
		strv_add(words, word.data);
	return p;
}

static void take_words(const struct cut *cut, struct strv *words)
{
	const char *p = cut->rest;

	while (*p) {
		size_t blank = text_space(p);

		p = blank ? p + blank : take_word(p, cut->escape, words);
	}
}

static void add_pair(struct node *node, const char *key, size_t key_len, const char *value)
{
	strv_adopt(&node->args, xstrndup(key, key_len));
	strv_add(&node->args, value);
}

/* "key value", the old form: the rest of the line is the value. */
static int cut_old_pair(const struct cut *cut, struct node *node, struct err *err)
{
	size_t key = strcspn(cut->rest, BLANKS);
	const char *value = cut->rest + key;

	if (!*value)
		return err_set(err, -EINVAL, "%s must have two arguments",
			split_is_keyword(node->keyword, "env") ? "ENV" : "LABEL");
	add_pair(node, cut->rest, key, value + strspn(value, BLANKS));
	strv_add(&node->args, "");
	return 0;
}

static int cut_pairs(const struct cut *cut, struct node *node, struct err *err)
{
	autostrv struct strv words = STRV_INIT;

	take_words(cut, &words);
	if (words.n == 0)
		return 0;
	if (!strchr(words.v[0], '='))
		return cut_old_pair(cut, node, err);
	strv_each (word, &words) {
		const char *equals = strchr(*word, '=');

		if (!equals)
			return err_set(err, -EINVAL,
				"Syntax error - can't find = in \"%s\". Must be of the form: name=value",
				*word);
		add_pair(node, *word, (size_t)(equals - *word), equals + 1);
		strv_add(&node->args, "=");
	}
	return 0;
}

static int cut_names(const struct cut *cut, struct node *node, struct err *err)
{
	(void)err; /* every text is a list of words */
	take_words(cut, &node->args);
	return 0;
}

static int cut_blanks(const struct cut *cut, struct node *node, struct err *err)
{
	const char *p = cut->rest;

	(void)err; /* every text can be cut at its blanks */
	while (*p) {
		size_t n = strcspn(p, BLANKS);

		strv_adopt(&node->args, xstrndup(p, n));
		p += n;
		p += strspn(p, BLANKS);
	}
	return 0;
}

static int cut_string(const struct cut *cut, struct node *node, struct err *err)
{
	(void)err; /* every text is one string */
	if (*cut->rest)
		strv_add(&node->args, cut->rest);
	return 0;
}

#define STAND_IN "\xef\xb7\x90" /* U+FDD0, which is never a character */

/* Other languages' strings hold \u0000; the JSON reader refuses it. It becomes a stand-in here and
 * DOCKERFILE_NUL in the arguments. NULL when the text has none, or the stand-in already. */
static char *without_nul(const char *text)
{
	struct buf out = BUF_INIT;

	if (!strstr(text, "\\u0000") || strstr(text, STAND_IN))
		return NULL;
	while (*text) {
		size_t n = *text == '\\' && text[1] ? 2 : 1;

		if (strncmp(text, "\\u0000", 6) == 0) {
			buf_adds(&out, STAND_IN);
			text += 6;
			continue;
		}
		buf_add(&out, text, n);
		text += n;
	}
	return buf_steal(&out);
}

static void with_nul(struct strv *args)
{
	strv_each (arg, args) {
		struct buf out = BUF_INIT;
		const char *p = *arg, *at;

		for (; (at = strstr(p, STAND_IN)); p = at + 3) {
			buf_add(&out, p, (size_t)(at - p));
			buf_adds(&out, DOCKERFILE_NUL);
		}
		buf_adds(&out, p);
		free(*arg);
		*arg = buf_steal(&out);
	}
}

/* 1: it was a JSON array, whose strings are the arguments. 0: it is something else. */
static int cut_json(const struct cut *cut, struct node *node, struct err *err)
{
	autojson struct json *list = NULL;
	struct err not_json = ERR_INIT;
	autofree char *replaced = without_nul(cut->rest);
	const char *p = replaced ? replaced : cut->rest;

	if (*p != '[' || json_parse(p, strlen(p), &list, &not_json) < 0)
		return 0;
	json_each (it, list) {
		if (json_kind(it.value) != JSON_STR)
			return err_set(err, -EINVAL,
				"when using JSON array syntax, arrays must be comprised of strings only");
	}
	json_strv(list, &node->args);
	if (replaced)
		with_nul(&node->args);
	node->json = true;
	return 1;
}

static int cut_json_or_string(const struct cut *cut, struct node *node, struct err *err)
{
	int r = cut_json(cut, node, err);

	return r == 0 ? cut_string(cut, node, err) : r;
}

static int cut_json_or_blanks(const struct cut *cut, struct node *node, struct err *err)
{
	int r = cut_json(cut, node, err);

	return r == 0 ? cut_blanks(cut, node, err) : r;
}

static int cut_health(const struct cut *cut, struct node *node, struct err *err)
{
	size_t type = strcspn(cut->rest, BLANKS "\n");
	const char *rest = cut->rest + type + strspn(cut->rest + type, BLANKS "\n");
	struct cut command = { .rest = rest, .escape = cut->escape };

	if (type == 0)
		return 0;
	strv_adopt(&node->args, xstrndup(cut->rest, type));
	return cut_json_or_string(&command, node, err);
}

static int split_deep(
	const char *line, char escape, unsigned depth, struct node *ret, struct err *err);

static int cut_onbuild(const struct cut *cut, struct node *node, struct err *err)
{
	if (!*cut->rest)
		return 0;
	node->child = xcalloc(1, sizeof(*node->child));
	return split_deep(cut->rest, cut->escape, cut->depth + 1, node->child, err);
}

/* Unknown keywords are refused when instructions are checked, with their line. */
static int cut_unknown(const struct cut *cut, struct node *node, struct err *err)
{
	(void)cut;
	(void)err; /* cannot fail */
	strv_add(&node->args, "");
	return 0;
}

static cut_fn cut_for(const char *keyword)
{
	static const struct {
		const char *keyword;
		cut_fn fn;
	} ways[] = {
		{ "add", cut_json_or_blanks },
		{ "arg", cut_names },
		{ "cmd", cut_json_or_string },
		{ "copy", cut_json_or_blanks },
		{ "entrypoint", cut_json_or_string },
		{ "env", cut_pairs },
		{ "expose", cut_blanks },
		{ "from", cut_blanks },
		{ "healthcheck", cut_health },
		{ "label", cut_pairs },
		{ "maintainer", cut_string },
		{ "onbuild", cut_onbuild },
		{ "run", cut_json_or_string },
		{ "shell", cut_json_or_string },
		{ "stopsignal", cut_string },
		{ "user", cut_string },
		{ "volume", cut_json_or_blanks },
		{ "workdir", cut_string },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (split_is_keyword(keyword, ways[i].keyword))
			return ways[i].fn;
	return cut_unknown;
}

/* ---- flags ---- */

/* One "--flag", quotes and escapes undone, or "--", which ends them. Returns what follows. */
static const char *take_flag(const char *p, char escape, struct strv *flags, bool *ret_last)
{
	autobuf struct buf word = BUF_INIT;
	char quote = '\0';

	for (; *p && (quote || text_space(p) == 0); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
			continue;
		}
		if (*p == escape && !*++p)
			break;
		buf_addc(&word, *p);
	}
	*ret_last = word.len == 2;
	if (word.len > 2)
		strv_add(flags, word.data);
	return p;
}

static const char *take_flags(const char *p, char escape, struct strv *flags)
{
	bool last = false;

	while (!last) {
		while (text_space(p))
			p += text_space(p);
		if (p[0] != '-' || p[1] != '-')
			return p;
		p = take_flag(p, escape, flags, &last);
	}
	return p;
}

static int split_deep(
	const char *line, char escape, unsigned depth, struct node *ret, struct err *err)
{
	struct span whole = text_trim(line, strlen(line));
	autofree char *text = xstrndup(whole.at, whole.len), *rest = NULL;
	size_t keyword = strcspn(text, BLANKS);
	struct node node = { .keyword = xstrndup(text, keyword), .original = xstrdup(line) };
	const char *args = take_flags(text + keyword, escape, &node.flags);
	struct span trimmed = text_trim(args, strlen(args));
	struct cut cut = { .escape = escape, .depth = depth };
	int r;

	cut.rest = rest = xstrndup(trimmed.at, trimmed.len);
	if (depth > ONBUILDS)
		r = err_set(err, -EINVAL, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	else
		r = cut_for(node.keyword)(&cut, &node, err);
	if (r < 0) {
		node_done(&node);
		return r;
	}
	*ret = node;
	return 0;
}

int split_line(const char *line, char escape, struct node *ret, struct err *err)
{
	return split_deep(line, escape, 0, ret, err);
}
