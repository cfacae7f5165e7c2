/* SPDX-License-Identifier: Apache-2.0 */
/* Where a container's filter comes from: the binary, the cache, or the helper sbx-seccomp. */
#ifndef SBX_POLICY_FILTER_H
#define SBX_POLICY_FILTER_H

#include <stddef.h>

#include "base/err.h"
#include "policy/compose.h"
#include "policy/policy.h"

struct filter_wish {
	const char *file; /* a profile in Docker's JSON form; NULL = the built-in one */
	const struct profile_edits *edits;
};

/* Fills policy->filter for policy->caps. Only the built-in profile as it is with default capabilities is
 * ready; others are compiled once and kept in <root>/cache/seccomp/<sha256 of profile and
 * capabilities>.bpf. */
int filter_choose(const struct globals *globals, const struct filter_wish *wish,
	struct policy *policy, struct err *err);

/* -EINVAL unless bytes are a whole number of instructions that one filter may have. Pure. */
int filter_check(const void *data, size_t len, unsigned short *ret_len, struct err *err);

#endif
