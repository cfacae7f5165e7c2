/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors that came with the exec. None of them is ours, and none may reach a container, except
 * those that the command line itself names: `--env-file <(cmd)` arrives as /dev/fd/63. These live
 * until whoever reads them has done so.
 */
#ifndef SBX_BASE_INHERITED_H
#define SBX_BASE_INHERITED_H

#include "base/err.h"

/* First thing in main. Closed standard descriptors become /dev/null, or the next open would take
 * their numbers; all others are closed unless argv has /dev/fd/N or /proc/self/fd/N. */
int inherited_tidy(char *const *argv, struct err *err);

/* --preserve-fds: descriptors 3 to n+2 are to reach the program. They must be the caller's, -EBADF else:
 * a number that is free would become one of ours. Makes them close-on-exec until then. */
int inherited_keep(int n, struct err *err);
/* What was kept has been passed on. */
void inherited_release(int n);

/* Before anything is started: closes what tidy spared. Ours are told apart by close-on-exec, which an
 * inherited descriptor never has. */
void inherited_drop(char *const *argv);

#endif
