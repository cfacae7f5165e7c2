/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the text with one character of look-ahead. The result is built twice at once: as one
 * word and as a list of words, because quotes decide about splitting while they are still seen.
 * Nested ${…${…}} recurse, at most DEPTH_MAX deep.
 */
#include "builder/words.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/pattern.h"
#include "builder/text.h"

#define DEPTH_MAX 100

struct lexer {
	const struct expansion *how;
	const char *p;
	bool raw_escapes;
	unsigned depth;
	size_t made; /* bytes values have added so far */
};

/* What comes out. words is NULL when only the text is wanted. */
struct sink {
	struct buf text, word;
	struct strv *words;
};

static void sink_done(struct sink *sink)
{
	buf_done(&sink->text);
	buf_done(&sink->word);
}

#define autosink __attribute__((cleanup(sink_done)))

static void end_word(struct sink *sink)
{
	if (sink->words && sink->word.len > 0)
		strv_add(sink->words, sink->word.data);
	buf_reset(&sink->word);
}

/* Never splits. */
static void put_raw(struct sink *sink, const char *s, size_t len)
{
	buf_add(&sink->text, s, len);
	if (sink->words)
		buf_add(&sink->word, s, len);
}

/* Blanks end a word. */
static void put_split(struct sink *sink, const char *s, size_t len)
{
	buf_add(&sink->text, s, len);
	for (size_t i = 0; sink->words && i < len;) {
		size_t n = text_space(s + i);

		if (n > 0) {
			end_word(sink);
			i += n;
			continue;
		}
		(void)text_decode(s + i, &n); /* its length is what is wanted */
		buf_add(&sink->word, s + i, n);
		i += n;
	}
}

static int at_end(struct err *err, const char *what)
{
	return err_set(
		err, -EINVAL, "unexpected end of statement while looking for matching %s", what);
}

static int grow(struct lexer *lex, size_t bytes, struct err *err)
{
	lex->made += bytes;
	if (lex->made > EXPANSION_MAX)
		return err_set(
			err, -E2BIG, "variables expand to more than %u bytes", EXPANSION_MAX);
	return 0;
}

static int lex_until(
	struct lexer *lex, char stop, bool raw_escapes, struct sink *sink, struct err *err);

/* ---- variables ---- */

static bool is_special(char c)
{
	return c && strchr("@*#?-$!0", c);
}

static size_t name_length(const char *p)
{
	size_t n = 0, len;

	while (text_is_digit(p[n]))
		n++;
	if (n > 0)
		return n;
	if (is_special(*p))
		return 1;
	while (p[n] &&
		(p[n] == '_' || text_is_digit(p[n]) || text_is_letter(text_decode(p + n, &len)))) {
		(void)text_decode(p + n, &len); /* its length is what is wanted */
		n += len;
	}
	return n;
}

static const char *env_find(const struct strv *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = env ? env->n : 0; i > 0; i--)
		if (strncmp(env->v[i - 1], name, len) == 0 && env->v[i - 1][len] == '=')
			return env->v[i - 1] + len + 1;
	return NULL;
}

/* The value, or NULL when the variable is not set. */
static const char *look_up(const struct expansion *how, const char *name)
{
	const char *value = env_find(how->env, name);
	struct strv *list = value ? how->ret_used : how->ret_unset;

	if (list && !strv_has(list, name))
		strv_add(list, name);
	return value;
}

/* Everything up to the stop as one string. */
static int lex_inner(
	struct lexer *lex, char stop, bool raw_escapes, struct buf *out, struct err *err)
{
	autosink struct sink sink = { 0 };

	if (lex->depth >= DEPTH_MAX)
		return err_set(
			err, -E2BIG, "substitutions are nested more than %u deep", DEPTH_MAX);
	lex->depth++;
	if (lex_until(lex, stop, raw_escapes, &sink, err) < 0) {
		if (*lex->p || err->code == -E2BIG)
			return err->code;
		return err_set(err, -EINVAL, "syntax error: missing '%c'%s", stop,
			stop == '/' ? " in ${}" : "");
	}
	lex->depth--;
	buf_add(out, sink.text.data ? sink.text.data : "", sink.text.len);
	return 0;
}

/* ${name…}: what stands between name and "}". */
struct modifier {
	const char *name, *value; /* value NULL: not set */
	char op[3];               /* ":-" "-" … */
	struct buf word;
};

static int unset_fault(const struct modifier *m, struct err *err)
{
	const char *why = m->value ? "is not allowed to be empty" : "is not allowed to be unset";

	return err_set(err, -EINVAL, "%s: %s", m->name, m->word.len > 0 ? m->word.data : why);
}

static int trim_value(const struct modifier *m, struct buf *out, struct err *err)
{
	const char *pattern = m->word.data ? m->word.data : "";
	bool longest = *pattern == *m->op;

	return pattern_trim(pattern + longest, m->value ? m->value : "",
		*m->op == '#' ? PATTERN_HEAD : PATTERN_TAIL, longest, out, err);
}

static int apply(const struct modifier *m, struct buf *out, struct err *err)
{
	bool colon = *m->op == ':';
	bool missing = !m->value || (colon && !*m->value);
	const char *word = m->word.data ? m->word.data : "";

	switch (m->op[colon]) {
	case '-':
		buf_adds(out, missing ? word : m->value);
		return 0;
	case '+':
		buf_adds(out, missing ? "" : word);
		return 0;
	case '?':
		if (missing)
			return unset_fault(m, err);
		buf_adds(out, m->value);
		return 0;
	default:
		return trim_value(m, out, err);
	}
}

static int unsupported(const char *op, size_t len, struct err *err)
{
	return err_set(err, -EINVAL, "unsupported modifier (%.*s) in substitution", (int)len, op);
}

static int lex_modifier(struct lexer *lex, struct modifier *m, struct buf *out, struct err *err)
{
	size_t n = *lex->p == ':' ? 2 : 1;
	bool pattern = *lex->p == '#' || *lex->p == '%';

	if (n == 2 && !lex->p[1])
		return err_set(err, -EINVAL, "syntax error: missing '}'");
	if (n == 2 && !strchr("-+?", lex->p[1]))
		return unsupported(lex->p, 2, err);
	memcpy(m->op, lex->p, n);
	lex->p += n;
	TRY(lex_inner(lex, '}', pattern, &m->word, err));
	if (m->value || !lex->how->keep_unset)
		return apply(m, out, err);
	buf_addf(out, "${%s%s%s}", m->name, m->op, m->word.data ? m->word.data : "");
	return 0;
}

static int lex_replace(
	struct lexer *lex, const struct modifier *m, struct buf *out, struct err *err)
{
	autobuf struct buf pattern = BUF_INIT, with = BUF_INIT;
	bool all = lex->p[1] == '/';
	struct replacement what = { .all = all };

	lex->p += 1 + all;
	TRY(lex_inner(lex, '/', true, &pattern, err));
	TRY(lex_inner(lex, '}', true, &with, err));
	what.pattern = pattern.data ? pattern.data : "";
	what.with = with.data ? with.data : "";
	if (m->value || !lex->how->keep_unset)
		return pattern_replace(&what, m->value ? m->value : "", out, err);
	buf_addf(out, "${%s/%s/%s}", m->name, what.pattern, what.with);
	return 0;
}

/* After "${". */
static int lex_braces(struct lexer *lex, struct buf *out, struct err *err)
{
	size_t len = name_length(lex->p);
	autofree char *name = xstrndup(lex->p, len);
	struct modifier m = { .name = name };
	int r;

	if (!*lex->p)
		return err_set(err, -EINVAL, "syntax error: missing '}'");
	if (strchr("{}:", *lex->p))
		return err_set(err, -EINVAL, "syntax error: bad substitution");
	lex->p += len;
	m.value = look_up(lex->how, name);
	if (*lex->p == '}') {
		lex->p++;
		if (!m.value && lex->how->keep_unset)
			buf_addf(out, "${%s}", name);
		else
			buf_adds(out, m.value ? m.value : "");
		return 0;
	}
	if (!*lex->p)
		return err_set(err, -EINVAL, "syntax error: missing '}'");
	if (*lex->p == '/')
		return lex_replace(lex, &m, out, err);
	if (!strchr(":+-?#%", *lex->p)) {
		(void)text_decode(lex->p, &len); /* its length is what is wanted */
		return unsupported(lex->p, len, err);
	}
	r = lex_modifier(lex, &m, out, err);
	buf_done(&m.word);
	return r;
}

/* At "$". */
static int lex_dollar(struct lexer *lex, struct buf *out, struct err *err)
{
	autofree char *name = NULL;
	const char *value;
	size_t len;

	if (lex->p[1] == '{') {
		lex->p += 2;
		TRY(lex_braces(lex, out, err));
		return grow(lex, out->len, err);
	}
	len = name_length(++lex->p);
	name = xstrndup(lex->p, len);
	lex->p += len;
	value = len > 0 ? look_up(lex->how, name) : NULL;
	if (len == 0 || (!value && lex->how->keep_unset))
		buf_addf(out, "$%s", name);
	else
		buf_adds(out, value ? value : "");
	return grow(lex, out->len, err);
}

/* ---- quotes ---- */

static int lex_single(struct lexer *lex, struct buf *out, struct err *err)
{
	const char *end = strchr(lex->p + 1, '\'');
	bool raw = lex->how->raw_quotes;

	if (!end) {
		lex->p += strlen(lex->p);
		return at_end(err, "single-quote");
	}
	buf_add(out, lex->p + !raw, (size_t)(end - lex->p) - !raw + raw);
	lex->p = end + 1;
	return 0;
}

/* An escape character inside double quotes: only ", $ and itself can be escaped. */
static void lex_double_escape(struct lexer *lex, struct buf *out)
{
	char escape = *lex->p++;

	if (lex->raw_escapes)
		buf_addc(out, escape);
	if (!*lex->p)
		return;
	if (*lex->p == '"' || *lex->p == '$' || *lex->p == escape)
		escape = *lex->p++;
	buf_addc(out, escape);
}

static int lex_double(struct lexer *lex, struct buf *out, struct err *err)
{
	bool raw = lex->how->raw_quotes;

	buf_add(out, lex->p++, raw);
	while (*lex->p != '"') {
		if (!*lex->p)
			return at_end(err, "double-quote");
		if (*lex->p == lex->how->escape) {
			lex_double_escape(lex, out);
		} else if (*lex->p == '$') {
			autobuf struct buf value = BUF_INIT;

			TRY(lex_dollar(lex, &value, err));
			buf_add(out, value.data ? value.data : "", value.len);
		} else {
			buf_addc(out, *lex->p++);
		}
	}
	buf_add(out, lex->p++, raw);
	return 0;
}

/* "<<" and the blanks after it stay in one word: the word of a heredoc may stand apart. */
static void lex_less(struct lexer *lex, struct sink *sink)
{
	size_t n = 1;

	if (lex->p[1] == '<')
		n = 2 + strspn(lex->p + 2, "\t\r ");
	put_raw(sink, lex->p, n);
	lex->p += n;
}

static void lex_escape(struct lexer *lex, struct sink *sink)
{
	size_t len;

	if (lex->raw_escapes)
		put_raw(sink, lex->p, 1);
	if (!*++lex->p)
		return;
	(void)text_decode(lex->p, &len); /* its length is what is wanted */
	put_raw(sink, lex->p, len);
	lex->p += len;
}

static int lex_special(struct lexer *lex, struct sink *sink, struct err *err)
{
	autobuf struct buf out = BUF_INIT;

	if (*lex->p == '$') {
		TRY(lex_dollar(lex, &out, err));
		put_split(sink, out.data ? out.data : "", out.len);
		return 0;
	}
	TRY(*lex->p == '"' ? lex_double(lex, &out, err) : lex_single(lex, &out, err));
	put_raw(sink, out.data ? out.data : "", out.len);
	return 0;
}

static int lex_all(struct lexer *lex, char stop, struct sink *sink, struct err *err)
{
	while (*lex->p) {
		size_t len;

		if (*lex->p == stop) {
			lex->p++;
			return 0;
		}
		if (*lex->p == '$' ||
			(!lex->how->skip_quotes && (*lex->p == '"' || *lex->p == '\''))) {
			TRY(lex_special(lex, sink, err));
		} else if (*lex->p == '<') {
			lex_less(lex, sink);
		} else if (*lex->p == lex->how->escape) {
			lex_escape(lex, sink);
		} else {
			(void)text_decode(lex->p, &len); /* its length is what is wanted */
			put_split(sink, lex->p, len);
			lex->p += len;
		}
	}
	return stop ? at_end(err, (char[]){ stop, 0 }) : 0;
}

/* stop '\0': the end of the text. */
static int lex_until(
	struct lexer *lex, char stop, bool raw_escapes, struct sink *sink, struct err *err)
{
	bool before = lex->raw_escapes;
	int r;

	lex->raw_escapes = raw_escapes;
	r = lex_all(lex, stop, sink, err);
	lex->raw_escapes = before;
	return r;
}

static int expand(const struct expansion *how, const char *text, struct sink *sink, struct err *err)
{
	struct lexer lex = { .how = how, .p = text };
	autobuf struct buf quoted = BUF_INIT;

	if (lex_until(&lex, '\0', how->raw_escapes, sink, err) == 0)
		return 0;
	text_quote(text, &quoted);
	return err_wrap(err, "failed to process %.200s", quoted.data);
}

int expand_word(const struct expansion *how, const char *text, char **ret, struct err *err)
{
	autosink struct sink sink = { 0 };

	TRY(expand(how, text, &sink, err));
	*ret = buf_steal(&sink.text);
	return 0;
}

int expand_words(const struct expansion *how, const char *text, struct strv *ret, struct err *err)
{
	autostrv struct strv words = STRV_INIT;
	autosink struct sink sink = { .words = &words };

	TRY(expand(how, text, &sink, err));
	end_word(&sink);
	strv_extend(ret, &words);
	return 0;
}
