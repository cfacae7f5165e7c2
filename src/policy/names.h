/* SPDX-License-Identifier: Apache-2.0 */
/* System calls by name, from libseccomp's tables and our own for those it is too old to know. */
#ifndef SBX_POLICY_NAMES_H
#define SBX_POLICY_NAMES_H

#include <stdint.h>

#include "policy/profile.h"

/* Number in the ABI (AUDIT_ARCH_*), or -ENOENT. */
int names_resolve(uint32_t arch, const char *name);

/* Name of a call of the machine's own ABI; caller frees. NULL: no such number. */
char *names_of(const struct machine *machine, int nr);

/* The machine this runs on, without capabilities. -ENOSYS on processors sbx does not know. */
int names_machine(struct machine *ret, struct err *err);

#endif
