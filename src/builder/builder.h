/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage 9: a Dockerfile and a context become an image (decision 0007). The parsers (dockerfile.h, words.h,
 * instruction.h, stage.h, ignore.h) are pure; this public face is what commands see.
 */
#ifndef SBX_BUILDER_BUILDER_H
#define SBX_BUILDER_BUILDER_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* `sbx debug WHAT FILE`: what a parser made of the text, in BuildKit's forms. WHAT is "dockerfile"
 * (S-expressions), "words", "ref" or "ignore". Unknown: -EINVAL. */
int builder_debug(const char *what, const char *text, size_t len, struct buf *out, struct err *err);

#endif
