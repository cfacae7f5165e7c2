/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shell words as a Dockerfile has them: quotes, the escape character, $x, ${x}, ${x:-w}, ${x-w},
 * ${x:+w}, ${x+w}, ${x:?w}, ${x?w}, ${x#p}, ${x##p}, ${x%p}, ${x%%p}, ${x/p/w}, ${x//p/w}.
 * No command substitution, nothing of the host's environment.
 */
#ifndef SBX_BUILDER_WORDS_H
#define SBX_BUILDER_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

#define EXPANSION_MAX (1U << 20) /* bytes one expansion may grow to: ARG A=$A$A… doubles */

struct expansion {
	char escape;            /* '\\' or '`' */
	const struct strv *env; /* "NAME=value", the last of a name counts */
	bool raw_quotes;        /* keep quotes: heredoc bodies */
	bool raw_escapes;       /* keep escape characters */
	bool skip_quotes;       /* quotes are ordinary characters: heredoc bodies */
	bool keep_unset;        /* $x stays as written when x is not set */
	struct strv
		*ret_used; /* NULL, or gets the names that were looked up and found, once each */
	struct strv *ret_unset; /* NULL, or gets the names that were looked up in vain */
};

/* Expands to one word, spaces kept. Caller frees *ret. -EINVAL with BuildKit's words. Pure. */
int expand_word(const struct expansion *how, const char *text, char **ret, struct err *err);

/* Expands, then splits at unquoted blanks. Appends to ret. */
int expand_words(const struct expansion *how, const char *text, struct strv *ret, struct err *err);

#endif
