/* SPDX-License-Identifier: Apache-2.0 */
/*
 * COPY and ADD: what is to be copied (plan), its digest for the cache, and the copying itself. Both read
 * through directory descriptors and never leave their roots; the context is never written to.
 */
#ifndef SBX_BUILDER_COPY_H
#define SBX_BUILDER_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sha256.h"
#include "base/strv.h"
#include "builder/ignore.h"
#include "builder/instruction.h"

/* An expanded ADD or COPY. All borrowed, valid while the plan is used. */
struct copy_plan {
	const struct copy_words *words; /* sources that are URLs taken out: see copy_is_remote() */
	const char *workdir;            /* for a relative destination; absolute */
	const struct ignore *ignore;    /* of the context; NULL for --from */
	bool is_add;     /* local archives are unpacked unless words->unpack says no */
	bool literal;    /* sources are names: "*" and "[" in them mean themselves */
	bool into;       /* more comes to the same place: it is a directory */
	bool keep_owner; /* --from: owners as they are in the source; else 0:0 */
	bool kept;       /* the source's owners are kept beside its files: a single id */
	int64_t epoch;   /* SOURCE_DATE_EPOCH; times are not later. -1 = none */
};

bool copy_is_remote(const char *source); /* http(s) or git source of ADD */

/* Digest of everything the result depends on: words, names, modes, contents, links; never times. `memory` is a
 * directory for what was hashed before (keyed by device, inode, size, mtime, ctime), or -1. A source that
 * is missing: -ENOENT naming it. */
int copy_digest(int source, const struct copy_plan *plan, int memory, char ret[SHA256_HEX],
	struct err *err);

/* Copies from the directory `source` (-1 when all sources are inline) into the root file system `root`, as uid 0
 * of the user namespace that owns it. Owners by name come from root's /etc/passwd and /etc/group. */
int copy_apply(int root, int source, const struct copy_plan *plan, struct err *err);

#endif
