/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules → the kernel's classic BPF. Calls with one verdict are merged into ranges and found by binary
 * search (about eight comparisons); conditions compare all 64 bits of an argument unless masked.
 * Another ABI than the profile's, x32 included, gets ENOSYS (or the default, if that is stricter).
 */
#ifndef SBX_POLICY_BPF_H
#define SBX_POLICY_BPF_H

#include <linux/filter.h>
#include <stddef.h>

#include "base/err.h"
#include "policy/profile.h"

/* *ret is malloc'ed, the caller's. -E2BIG when the kernel's 4096 instructions do not suffice. */
int bpf_compile(
	const struct profile *profile, struct sock_filter **ret, size_t *ret_n, struct err *err);

#endif
