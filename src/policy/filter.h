/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's filter comes from: the binary, the cache, or the helper sbx-seccomp. */
#ifndef SBX_POLICY_FILTER_H
#define SBX_POLICY_FILTER_H

#include <stddef.h>

#include "base/err.h"
#include "policy/policy.h"

/* Fills policy->filter for policy->caps. file: a profile in Docker's JSON form, NULL for the built-in one.
 * Only (NULL, default capabilities) is ready; others are compiled once and kept in
 * <root>/cache/seccomp/<sha256 of profile and capabilities>.bpf. */
int filter_choose(
	const struct globals *globals, const char *file, struct policy *policy, struct err *err);

/* -EINVAL unless bytes are a whole number of instructions that one filter may have. Pure. */
int filter_check(const void *data, size_t len, unsigned short *ret_len, struct err *err);

#endif
