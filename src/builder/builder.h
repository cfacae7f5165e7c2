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
#include "base/strv.h"
#include "options/options.h"

/* `sbx debug WHAT FILE [PATH...]`: what a parser made of the text, in BuildKit's forms. */
struct debug_input {
	const char *what; /* "dockerfile" (S-expressions), "words", "ref" or "ignore" */
	const char *name; /* of the file, for messages */
	const char *text;
	size_t len;
	const struct strv *operands; /* paths that "ignore" judges */
};
/* -EINVAL: no such parser, or a bad file; then out holds the excerpt. */
int builder_debug(const struct debug_input *in, struct buf *out, struct err *err);

/* `sbx build`: reads the Dockerfile, carries out what is not in the cache, and delivers the image as the options
 * say. Progress goes to stderr; with quiet the image's id to stdout. A failing step: exit status 1. */
int builder_build(struct globals *globals, const struct build_opts *opts, struct err *err);

/* `sbx builder prune`. deleted gets the names of what went, *ret_bytes its size is added to. */
int builder_prune(const struct globals *globals, const struct builder_prune_opts *opts,
	struct strv *deleted, int64_t *ret_bytes, struct err *err);

/* What the cache takes beside images. */
struct builder_usage {
	int64_t total, bytes;
};
int builder_usage(const struct globals *globals, struct builder_usage *ret, struct err *err);

#endif
