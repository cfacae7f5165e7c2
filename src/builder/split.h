/* SPDX-License-Identifier: Apache-2.0 */
/* One joined line becomes a node: keyword, flags, and words as its keyword wants them cut. */
#ifndef SBX_BUILDER_SPLIT_H
#define SBX_BUILDER_SPLIT_H

#include <stdbool.h>

#include "base/err.h"
#include "builder/dockerfile.h"

/* Never fills heredocs. On failure ret is untouched. */
int split_line(const char *line, char escape, struct node *ret, struct err *err);

bool split_is_keyword(const char *keyword, const char *name); /* without regard to case */

#endif
