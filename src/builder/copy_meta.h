/* SPDX-License-Identifier: Apache-2.0 */
/* --chown and --chmod. */
#ifndef SBX_BUILDER_COPY_META_H
#define SBX_BUILDER_COPY_META_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* "user[:group]" by number, or by name from root's /etc/passwd and /etc/group. Without a group: the
 * user's own, for a number the same number. */
int copy_owner(int root, const char *text, uid_t *ret_uid, gid_t *ret_gid, struct err *err);

/* "755", "u=rwX,go=rX": what `mode` (of a directory or not) becomes. */
int copy_mode(const char *text, bool is_dir, mode_t mode, mode_t *ret, struct err *err);

#endif
