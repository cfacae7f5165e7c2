/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .dockerignore, and --exclude: moby/patternmatcher's rules. Last match wins, "!" takes back, a pattern
 * also matches what lies below. Matching takes time linear in path and pattern for each pattern, whatever
 * the pattern.
 */
#ifndef SBX_BUILDER_IGNORE_H
#define SBX_BUILDER_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

struct ignore; /* opaque */
#define autoignore __attribute__((cleanup(ignore_free_)))

/* The lines of the file: BOM, comments and blanks away, cleaned paths. Appends to ret. */
void ignore_read(const char *text, size_t len, struct strv *ret);

/* -EINVAL names the bad pattern. Empty list: nothing is ignored. */
int ignore_new(const struct strv *patterns, struct ignore **ret, struct err *err);
void ignore_free(struct ignore *ignore); /* NULL ok */
void ignore_free_(struct ignore **ignore);

/* Is path (relative, clean, "/" between names) ignored? A parent that matches counts. ignore may be NULL. */
bool ignore_match(const struct ignore *ignore, const char *path);

/* May something below the ignored directory still be wanted because of a "!"? False: skip it whole. */
bool ignore_may_hold(const struct ignore *ignore, const char *dir);

#endif
