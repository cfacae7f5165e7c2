/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in the Dockerfile: BuildKit's excerpt.
 *
 *	Dockerfile:3
 *	--------------------
 *	   1 |     FROM alpine
 *	   2 | >>> RUM echo hi
 *	   3 |     CMD sh
 *	--------------------
 */
#ifndef SBX_BUILDER_DIAGNOSE_H
#define SBX_BUILDER_DIAGNOSE_H

#include "base/buf.h"
#include "base/err.h"
#include "builder/dockerfile.h"

/* Adds the excerpt around `lines` to out; nothing when lines are {0, 0}. Foreign bytes are escaped. */
void diagnose(const struct dockerfile *file, struct lines lines, struct buf *out);

/* The nearest of the NULL-terminated names, or NULL when none is near. Case is ignored. */
const char *diagnose_nearest(const char *word, const char *const *names);

#endif
