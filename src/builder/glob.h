/* SPDX-License-Identifier: Apache-2.0 */
/* One pattern of .dockerignore or of a COPY source. Matching takes path times pattern steps at most. */
#ifndef SBX_BUILDER_GLOB_H
#define SBX_BUILDER_GLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum glob_kind {
	GLOB_TOKENS,
	GLOB_EXACT,  /* text */
	GLOB_PREFIX, /* begins with text */
	GLOB_SUFFIX, /* ends with text; text without its leading "/" matches too */
};

struct glob_token;

struct glob {
	enum glob_kind kind;
	char *text;
	struct glob_token *tokens;
	size_t n;
};

/* -EINVAL: "syntax error in pattern" and the pattern. */
int glob_compile(const char *pattern, struct glob *ret, struct err *err);
void glob_done(struct glob *glob);
bool glob_match(const struct glob *glob, const char *path, size_t len);
/* Could a longer path that begins with `head` match? */
bool glob_may_continue(const struct glob *glob, const char *head);

bool glob_is_wild(const char *pattern); /* has a character that is not itself */

#endif
