/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The patterns of ${x#p}, ${x%p} and ${x/p/w}: "*", "?" and "\" before either, nothing else. They
 * do not match a line end. Work is bounded: a pattern that would take too long is an error.
 */
#ifndef SBX_BUILDER_PATTERN_H
#define SBX_BUILDER_PATTERN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum pattern_end { PATTERN_HEAD, PATTERN_TAIL };

/* Appends value without the shortest or longest head or tail that matches. */
int pattern_trim(const char *pattern, const char *value, enum pattern_end end, bool longest,
	struct buf *out, struct err *err);

struct replacement {
	const char *pattern, *with;
	bool all;
};
/* Appends value with the first longest match, or all of them, replaced. */
int pattern_replace(
	const struct replacement *what, const char *value, struct buf *out, struct err *err);

#endif
