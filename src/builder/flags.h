/* SPDX-License-Identifier: Apache-2.0 */
/* --flags of an instruction, as a table: name, kind and where the value goes. */
#ifndef SBX_BUILDER_FLAGS_H
#define SBX_BUILDER_FLAGS_H

#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"

enum flag_kind {
	FLAG_BOOL,   /* bool */
	FLAG_CHOICE, /* enum choice3 */
	FLAG_STRING, /* char * */
	FLAG_LIST,   /* struct strv; may be repeated */
};

struct flag {
	const char *name;
	enum flag_kind kind;
	size_t offset;
};

#define FLAGS_MAX 8

/* Table ends with a NULL name. BuildKit's words on failure. */
int flags_parse(const struct strv *flags, const struct flag *table, void *target, struct err *err);

#endif
