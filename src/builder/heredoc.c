/* SPDX-License-Identifier: Apache-2.0 */
/* Words that begin a heredoc: digits "<<" ["-"] blanks word, where the word has no "<". */
#include "builder/heredoc.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/text.h"
#include "builder/words.h"

void heredoc_done(struct heredoc *heredoc)
{
	free(heredoc->name);
	free(heredoc->content);
	*heredoc = (struct heredoc){ 0 };
}

static size_t count_quotes(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == '\'' || *s == '"';
	return n;
}

/* The one word of the text, quotes kept or undone; NULL when it is not one word. */
static char *one_word(const char *text, bool raw_quotes)
{
	struct expansion how = { .escape = '\\', .keep_unset = true, .raw_quotes = raw_quotes };
	autostrv struct strv words = STRV_INIT;
	struct err not_words = ERR_INIT;

	if (expand_words(&how, text, &words, &not_words) < 0 || words.n != 1)
		return NULL;
	return xstrdup(words.v[0]);
}

bool heredoc_word(const char *word, struct heredoc *ret)
{
	struct heredoc doc = { 0 };
	autofree char *raw = NULL;
	const char *p = word;

	for (; text_is_digit(*p) && doc.fd < 100000; p++)
		doc.fd = doc.fd * 10 + (unsigned)(*p - '0');
	if (p[0] != '<' || p[1] != '<')
		return false;
	p += 2;
	doc.chomp = *p == '-';
	p += doc.chomp;
	while (text_space(p))
		p += text_space(p);
	if (!*p || strchr(p, '<'))
		return false;
	raw = one_word(p, true);
	doc.name = raw ? one_word(p, false) : NULL;
	if (!doc.name)
		return false;
	doc.expand = count_quotes(raw) == count_quotes(doc.name);
	*ret = doc;
	return true;
}

void heredoc_find(const char *line, struct node *node)
{
	struct expansion how = {
		.escape = '\\', .keep_unset = true, .raw_quotes = true, .raw_escapes = true
	};
	autostrv struct strv words = STRV_INIT;
	struct err not_words = ERR_INIT;

	if (expand_words(&how, line, &words, &not_words) < 0)
		return; /* unbalanced quotes are the shell's business, not a heredoc */
	strv_each (word, &words) {
		struct heredoc doc;

		if (!heredoc_word(*word, &doc))
			continue;
		node->heredocs = xgrow(node->heredocs, node->n_heredocs, sizeof(*node->heredocs));
		node->heredocs[node->n_heredocs++] = doc;
	}
}

char *heredoc_text(const struct heredoc *heredoc)
{
	struct buf out = BUF_INIT;
	bool begin = heredoc->chomp;

	for (const char *p = heredoc->content; *p; p++) {
		if (begin && *p == '\t')
			continue;
		begin = heredoc->chomp && *p == '\n';
		buf_addc(&out, *p);
	}
	return buf_steal(&out);
}
