/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_BUILDER_RUN_MOUNT_H
#define SBX_BUILDER_RUN_MOUNT_H

#include "builder/instruction.h"

/* One --mount value. With how NULL variables are not known yet: only `from` is read, which may not have
 * any, and everything else waits. */
int run_mount_parse(
	const char *text, const struct expansion *how, struct run_mount *ret, struct err *err);

#endif
