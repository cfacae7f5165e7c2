/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and executing the payload, inside the container's root, as the container's user. Errors carry
 * Docker's texts and exit status: 127 not found, 126 found but not executable.
 */
#ifndef SBX_PROCESS_LOOKUP_H
#define SBX_PROCESS_LOOKUP_H

#include "base/err.h"

/* name with a slash: taken relative to cwd (absolute; NULL = the working directory). Else searched in
 * path_env (NULL = the default path), whose relative elements count from cwd. *ret is malloc'ed, the
 * caller's. Call it before the seccomp filter is loaded. */
int lookup_program(
	const char *name, const char *path_env, const char *cwd, char **ret, struct err *err);

/* execve(); returns only when it failed, with the reason looked up: E-NOT-FOUND (the interpreter of a
 * script or program is missing), E-ARCH (other machine), E-NOEXEC (noexec mount), no "#!" line … */
int lookup_exec(const char *path, char *const *argv, char *const *envp, struct err *err);

/* The explaining half of lookup_exec(): errnum is what execve(path) said. Returns err->code. */
int lookup_explain(const char *path, int errnum, struct err *err);

#define LOOKUP_DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#endif
