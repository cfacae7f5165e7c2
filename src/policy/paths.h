/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of /proc and /sys that a container may not see (masked) or not write (read-only). */
#ifndef SBX_POLICY_PATHS_H
#define SBX_POLICY_PATHS_H

#include "base/strv.h"

void paths_default(struct strv *masked, struct strv *read_only);

/* Podman's mask=/a:/b, and read-only=/a:/b: adds to the list what is not there. */
void paths_add(struct strv *paths, const char *list);

/* Podman's unmask=ALL or unmask=/a:/b; shell patterns select among both lists. */
void paths_unmask(struct strv *masked, struct strv *read_only, const char *list);

#endif
