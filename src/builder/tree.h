/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots as mounted trees, for copying from and to. */
#ifndef SBX_BUILDER_TREE_H
#define SBX_BUILDER_TREE_H

#include "builder/build.h"
#include "builder/copy.h"

struct tree_copy {
	struct build *build;
	const struct copy_plan *plan;
	const struct snapshot *from; /* NULL: the directory `source` */
	int source;                  /* -1: everything is inline */
	const struct snapshot *to;   /* NULL: the directory `target` */
	int target;
	const char *dir;              /* <work>/<dir>: where upper and work of `to` go; exists */
	const struct copy_plan *more; /* NULL, or what comes next from another directory */
	int more_source;
	char *digest; /* not NULL (SHA256_HEX bytes): only the digest is wanted */
};

/* Carries the plan out, or computes its digest. */
int tree_copy(struct tree_copy *copy, struct err *err);

#endif
