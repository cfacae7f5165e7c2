/* SPDX-License-Identifier: Apache-2.0 */
/* RUN --mount=type=bind: a part of the context, of a stage, of an image or of a --build-context. */
#ifndef SBX_BUILDER_RUN_BIND_H
#define SBX_BUILDER_RUN_BIND_H

#include "builder/run.h"

/* `index` is that of the mount in the instruction. */
int run_bind_key(struct run_job *job, size_t index, struct key *key, struct err *err);
int run_bind_prepare(struct run_job *job, size_t index, struct err *err);
/* A copy of it as `x` in the directory `to`, which exists. */
int run_bind_copy(
	struct run_job *job, const struct run_mount *mount, const char *to, struct err *err);

struct volume *run_add_volume(struct run_job *job, enum volume_type type, const char *target);

#endif
