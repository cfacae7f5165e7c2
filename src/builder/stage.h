/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stages: instructions grouped by FROM, names resolved, what the target does not need left out.
 */
#ifndef SBX_BUILDER_STAGE_H
#define SBX_BUILDER_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"
#include "builder/instruction.h"

enum base_kind {
	BASE_IMAGE,   /* a reference, pulled when missing */
	BASE_SCRATCH, /* nothing */
	BASE_STAGE,   /* an earlier stage of this file */
	BASE_CONTEXT, /* a --build-context of that name */
};

/* What FROM, COPY --from and RUN --mount=from name. */
struct base {
	enum base_kind kind;
	char *name;   /* reference, context name or "scratch"; as typed, expanded */
	size_t stage; /* index, BASE_STAGE only */
};
void base_done(struct base *base);

struct stage {
	struct instruction from;
	struct base base;
	char *platform; /* expanded --platform or NULL */
	bool needed;    /* for the target; others are neither pulled nor built */
	struct instruction *steps;
	size_t n_steps;
};

struct stage_name {
	const char *name; /* the stage's */
	size_t stage;
};

struct stages {
	struct instruction *globals; /* ARG before the first FROM */
	size_t n_globals;
	struct strv global_args; /* "NAME=value" of them, defaults expanded, --build-arg applied */
	struct stage *all;
	size_t n;
	struct stage_name *names; /* of those that have one, sorted, then by index */
	size_t n_names;
	size_t target; /* index of the stage asked for, the last without --target */
	char escape;   /* the file's */
};
#define autostages __attribute__((cleanup(stages_done)))
void stages_done(struct stages *stages);

struct stage_options {
	const struct strv
		*build_args; /* "NAME=value" of --build-arg, the host's values already in */
	const struct strv *platform_args; /* TARGETPLATFORM=… BUILDOS=… and the like */
	const struct strv *contexts;      /* names given by --build-context */
	const char *target;               /* --target: name or index; NULL = last stage */
};

/* Checks every instruction of the file and the graph of its stages: unknown --target (with the nearest
 * name), a stage that needs itself, a name used before it exists is an image. file->fault says where. */
int stages_plan(struct dockerfile *file, const struct stage_options *options, struct stages *ret,
	struct err *err);

/* What COPY --from=NAME or RUN --mount=from=NAME in stage `at` means (NAME already expanded). */
int stage_source(const struct stages *stages, size_t at, const struct stage_options *options,
	const char *name, struct base *ret, struct err *err);

/* Marks what the target needs, also what ONBUILD triggers name: those of stages of the file, and those
 * that stage_add_triggers() has added meanwhile. ret_fault says where an error is. */
int stages_mark(struct stages *stages, const struct stage_options *options, struct lines *ret_fault,
	struct err *err);

/* An ARG of that name is in the file, or among the triggers added to it. */
bool stages_have_arg(const struct stages *stages, const char *name);

/* The instructions that an ONBUILD image adds after FROM, in order. */
int stage_add_triggers(
	struct stage *stage, const struct strv *triggers, char escape, struct err *err);

#endif
