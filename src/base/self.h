/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The running binary must not be reachable for writing from a container (CVE-2019-5736): "/proc/self/exe"
 * as an entrypoint, or /proc/1/exe, names the host's file, and the container's root is its owner when
 * sbx lives in somebody's home. docs/decisions/0006 has the reasoning.
 */
#ifndef SBX_BASE_SELF_H
#define SBX_BASE_SELF_H

#include <stdbool.h>

#include "base/err.h"

/* For commands that put processes into containers, before anything was started. Returns 0 when the
 * binary is safe: the caller cannot write it, the kernel refuses writes to a file that is being
 * executed (asked, not guessed; the monitor executes it for as long as the container lives), or this
 * is a sealed copy already. Else does not return: executes a sealed copy with the same arguments,
 * which costs about 1 ms. always: also where the kernel refuses writes, because sbx itself stays
 * visible inside the container (--init). */
int self_seal(bool always, struct err *err);

/* Path of the binary on disk, also when running from memory. malloc'ed, the caller's. */
int self_path(char **ret, struct err *err);

#endif
