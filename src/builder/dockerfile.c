/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines become instructions. In this order, as BuildKit does it: line end and leading blanks away,
 * directives, comments away, continuation; within a continuation comments and empty lines are skipped;
 * after the joined line is cut, the bodies of its heredocs follow, in which nothing is special.
 */
#include "builder/dockerfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/heredoc.h"
#include "builder/split.h"
#include "builder/text.h"

void node_done(struct node *node)
{
	free(node->keyword);
	free(node->original);
	strv_done(&node->flags);
	strv_done(&node->args);
	if (node->child) {
		node_done(node->child);
		free(node->child);
	}
	for (size_t i = 0; i < node->n_heredocs; i++)
		heredoc_done(&node->heredocs[i]);
	free(node->heredocs);
	*node = (struct node){ 0 };
}

void dockerfile_done(struct dockerfile *file)
{
	free(file->name);
	free(file->text);
	free(file->syntax);
	free(file->check);
	for (size_t i = 0; i < file->n_nodes; i++)
		node_done(&file->nodes[i]);
	free(file->nodes);
	for (size_t i = 0; i < file->n_warnings; i++)
		free(file->warnings[i].text);
	free(file->warnings);
	*file = (struct dockerfile){ 0 };
}

/* ---- lines ---- */

struct reader {
	struct dockerfile *file;
	const char *p;
	unsigned line;        /* of the last one read, from 1 */
	bool directives_over; /* no more after the first line that is none */
};

/* The next line with its line end; false at the end. */
static bool next_line(struct reader *in, struct span *ret)
{
	const char *end = strchrnul(in->p, '\n');

	if (!*in->p)
		return false;
	end += *end == '\n';
	*ret = (struct span){ in->p, (size_t)(end - in->p) };
	in->p = end;
	in->line++;
	return true;
}

static struct span without_line_end(struct span s)
{
	while (s.len > 0 && (s.at[s.len - 1] == '\n' || s.at[s.len - 1] == '\r'))
		s.len--;
	return s;
}

static struct span without_indent(struct span s)
{
	size_t n;

	while (s.len > 0 && (n = text_space(s.at)) > 0 && n <= s.len) {
		s.at += n;
		s.len -= n;
	}
	return s;
}

static bool is_comment(struct span s)
{
	s = without_indent(s);
	return s.len > 0 && *s.at == '#';
}

/* Cuts a continuation off: an escape character, not itself escaped, before the line end. */
static bool continues(struct span *line, char escape)
{
	size_t n = line->len;

	while (n > 0 && (line->at[n - 1] == ' ' || line->at[n - 1] == '\t'))
		n--;
	if (n == 0 || line->at[n - 1] != escape || (n > 1 && line->at[n - 2] == escape))
		return false;
	line->len = n - 1;
	return true;
}

/* ---- directives ---- */

/* "key = value" after "#". 1, 0 when it is something else. */
static int split_directive(struct span s, char **ret_key, struct span *ret_value)
{
	size_t n = 0;
	struct span key;

	s = without_indent(s);
	while (n < s.len &&
		((n > 0 && text_is_digit(s.at[n])) ||
			((unsigned char)s.at[n] < 0x80 && text_is_letter((unsigned char)s.at[n]))))
		n++;
	key = (struct span){ s.at, n };
	s = without_indent((struct span){ s.at + n, s.len - n });
	if (n == 0 || s.len == 0 || *s.at != '=')
		return 0;
	*ret_value = text_trim(s.at + 1, s.len - 1);
	if (ret_value->len == 0)
		return 0;
	*ret_key = xstrndup(key.at, key.len);
	text_lower(*ret_key);
	return 1;
}

static int set_escape(struct dockerfile *file, struct span value, struct err *err)
{
	if (value.len != 1 || (*value.at != '`' && *value.at != '\\'))
		return err_set(err, -EINVAL, "invalid escape token '%.*s' does not match ` or \\",
			(int)value.len, value.at);
	file->escape = *value.at;
	return 0;
}

/* A directive at the top of the file: remembered. Any other line ends them. */
static int read_directive(struct reader *in, struct span line, bool *seen_escape, struct err *err)
{
	struct dockerfile *file = in->file;
	autofree char *key = NULL;
	struct span value;
	bool escape, again;
	char **slot;

	if (in->directives_over)
		return 0;
	in->directives_over = true;
	if (line.len == 0 || *line.at != '#' ||
		!split_directive((struct span){ line.at + 1, line.len - 1 }, &key, &value))
		return 0;
	escape = strcmp(key, "escape") == 0;
	slot = strcmp(key, "check") == 0 ? &file->check : &file->syntax;
	if (!escape && slot == &file->syntax && strcmp(key, "syntax") != 0)
		return 0;
	again = escape ? *seen_escape : *slot != NULL;
	if (again)
		return err_set(err, -EINVAL, "only one %s parser directive can be used", key);
	in->directives_over = false;
	if (escape) {
		*seen_escape = true;
		return set_escape(file, value, err);
	}
	*slot = xstrndup(value.at, value.len);
	return 0;
}

/* ---- instructions ---- */

static void warn(struct reader *in, const char *line)
{
	struct dockerfile *file = in->file;

	file->warnings = xgrow(file->warnings, file->n_warnings, sizeof(*file->warnings));
	file->warnings[file->n_warnings++] = (struct dockerfile_warning){
		.text = xasprintf(
			"NoEmptyContinuation: Empty continuation line found in: %s", line),
		.lines = { in->line, in->line },
	};
}

/* Appends the lines that continue the first one. */
static void join(struct reader *in, struct buf *out)
{
	bool more = true, empty = false;
	struct span raw;

	while (more && next_line(in, &raw)) {
		struct span line = without_line_end(raw);

		if (is_comment(raw))
			continue;
		if (without_indent(line).len == 0) {
			empty = true;
			continue;
		}
		more = continues(&line, in->file->escape);
		buf_add(out, line.at, line.len);
	}
	if (empty)
		warn(in, out->data ? out->data : "");
}

static bool takes_heredocs(const struct node *node)
{
	if (node->child && split_is_keyword(node->keyword, "onbuild"))
		node = node->child;
	return !node->json &&
	       (split_is_keyword(node->keyword, "add") || split_is_keyword(node->keyword, "copy") ||
		       split_is_keyword(node->keyword, "run"));
}

static int read_heredoc(struct reader *in, struct heredoc *doc, struct err *err)
{
	autobuf struct buf content = BUF_INIT;
	struct span raw;

	while (next_line(in, &raw)) {
		struct span line = without_line_end(raw);

		while (doc->chomp && line.len > 0 && *line.at == '\t')
			line = (struct span){ line.at + 1, line.len - 1 };
		if (line.len == strlen(doc->name) && memcmp(line.at, doc->name, line.len) == 0) {
			doc->content = buf_steal(&content);
			return 0;
		}
		buf_add(&content, raw.at, raw.len);
	}
	return err_set(err, -EINVAL, "unterminated heredoc");
}

static int read_heredocs(struct reader *in, struct node *node, struct err *err)
{
	if (!takes_heredocs(node) || !strstr(node->original, "<<"))
		return 0;
	heredoc_find(node->original, node);
	for (size_t i = 0; i < node->n_heredocs; i++)
		TRY(read_heredoc(in, &node->heredocs[i], err));
	return 0;
}

/* One instruction whose first line, trimmed, was just read. */
static int read_node(struct reader *in, struct span first, struct err *err)
{
	struct dockerfile *file = in->file;
	autobuf struct buf joined = BUF_INIT;
	struct node *node;
	bool more = continues(&first, file->escape);

	if (!more && first.len == 0)
		return 0;
	file->fault.first = in->line;
	buf_add(&joined, first.at, first.len);
	if (more)
		join(in, &joined);
	file->nodes = xgrow(file->nodes, file->n_nodes, sizeof(*file->nodes));
	node = &file->nodes[file->n_nodes];
	file->fault.last = in->line;
	TRY(split_line(joined.data, file->escape, node, err));
	file->n_nodes++;
	TRY(read_heredocs(in, node, err));
	node->lines = (struct lines){ file->fault.first, in->line };
	return 0;
}

static int read_nodes(struct dockerfile *file, struct err *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	struct reader in = { .file = file, .p = file->text };
	bool seen_escape = false;
	struct span line;

	in.p += strncmp(in.p, bom, 3) == 0 ? 3 : 0;
	while (next_line(&in, &line)) {
		line = without_indent(without_line_end(line));
		file->fault = (struct lines){ in.line, in.line };
		TRY(read_directive(&in, line, &seen_escape, err));
		if (!is_comment(line))
			TRY(read_node(&in, line, err));
	}
	file->fault = (struct lines){ in.line, in.line };
	if (file->n_nodes == 0)
		return err_set(err, -EINVAL, "file with no instructions");
	file->fault = (struct lines){ 0 };
	return 0;
}

int dockerfile_parse(
	const char *name, const char *text, size_t len, struct dockerfile *ret, struct err *err)
{
	*ret = (struct dockerfile){ .name = xstrdup(name), .escape = '\\' };
	ret->text = xstrndup(text, len);
	if (len > DOCKERFILE_MAX)
		return err_set(
			err, -EFBIG, "the Dockerfile is larger than %u MiB", DOCKERFILE_MAX >> 20);
	if (strlen(ret->text) != len)
		return err_set(err, -EINVAL, "the Dockerfile is not a text: it holds a NUL byte");
	TRY(read_nodes(ret, err));
	return 0;
}

int dockerfile_parse_line(const char *line, char escape, struct node *ret, struct err *err)
{
	return split_line(line, escape, ret, err);
}
