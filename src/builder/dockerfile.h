/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Dockerfile as text: directives, comments, continuations, heredocs, and each instruction cut into
 * its words the way its keyword asks. What the words mean is instruction.h's business; no variable is
 * expanded here.
 */
#ifndef SBX_BUILDER_DOCKERFILE_H
#define SBX_BUILDER_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

#define DOCKERFILE_MAX (64U << 20) /* bytes; a heredoc may hold a whole script, not a disk image */

/* How a NUL character of a JSON array stands in a node's arguments. */
#define DOCKERFILE_NUL "\xc0\x80"

struct heredoc {
	char *name;    /* the word that ends it, quotes removed */
	char *content; /* with its line ends; leading tabs still there, see heredoc_text() */
	unsigned fd;   /* "3<<EOT" */
	bool expand;   /* the word was not quoted */
	bool chomp;    /* "<<-" */
};

/* Lines of the file an instruction stands on, from 1. {0, 0}: nowhere in particular. */
struct lines {
	unsigned first, last;
};

/* One instruction as written. */
struct node {
	char *keyword;      /* as typed; "" when the line has none */
	char *original;     /* continuations joined; without heredoc bodies */
	struct strv flags;  /* "--from=x", quotes removed */
	struct strv args;   /* ENV and LABEL: key, value, "=" or "" for each pair */
	bool json;          /* args are a JSON array of strings */
	struct node *child; /* of ONBUILD; then args is empty */
	struct heredoc *heredocs;
	size_t n_heredocs;
	struct lines lines;
};

struct dockerfile_warning {
	char *text;
	struct lines lines;
};

struct dockerfile {
	char *name; /* "Dockerfile", as messages call it */
	char *text; /* the whole file, for excerpts */
	char escape;
	char *syntax; /* "# syntax=" or NULL; never fetched, never executed */
	char *check;  /* "# check=" or NULL */
	struct node *nodes;
	size_t n_nodes;
	struct dockerfile_warning *warnings;
	size_t n_warnings;
	struct lines fault; /* where the last failing call on this file stopped */
};
#define autodockerfile __attribute__((cleanup(dockerfile_done)))
void dockerfile_done(struct dockerfile *file);

/* Parses text of any bytes (a NUL byte is an error). On failure file->fault says where, name and text are
 * set, so that diagnose() can show the place. -EINVAL: BuildKit refuses it too, with these words. */
int dockerfile_parse(
	const char *name, const char *text, size_t len, struct dockerfile *ret, struct err *err);

/* One instruction without heredoc bodies: the text of an ONBUILD trigger. */
int dockerfile_parse_line(const char *line, char escape, struct node *ret, struct err *err);
void node_done(struct node *node);

/* BuildKit's S-expression of a parsed file (its parser/testfiles/…/result). */
void dockerfile_dump(const struct dockerfile *file, struct buf *out);

/* Is this word a heredoc ("<<EOT", "<<-'EOT'", "3<<EOT")? Fills ret without content. */
bool heredoc_word(const char *word, struct heredoc *ret);
void heredoc_done(struct heredoc *heredoc);
/* The body, leading tabs removed when it was "<<-"; caller frees. */
char *heredoc_text(const struct heredoc *heredoc);

#endif
