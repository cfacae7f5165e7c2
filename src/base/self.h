/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running binary must not be reachable for writing from a container (CVE-2019-5736): "/proc/self/exe"
 * as an entrypoint, or /proc/1/exe, names the host's file, and the container's root is its owner when
 * sbx lives in somebody's home. Then the program executes itself again from a sealed memory file.
 */
#ifndef SBX_BASE_SELF_H
#define SBX_BASE_SELF_H

#include "base/err.h"

/* Returns 0 when nothing needs doing (already sealed, or a binary the caller cannot write); else does
 * not return: the same argv starts over. For commands that put processes into containers. Costs
 * about 0.8 ms where it applies. */
int self_seal(char **argv, struct err *err);

/* Path of the binary on disk, also when running from memory. malloc'ed, the caller's. */
int self_path(char **ret, struct err *err);

#endif
