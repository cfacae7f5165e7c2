/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seccomp profile in Docker's JSON form, reduced to what holds for one machine and one set of
 * capabilities: numbers, actions, conditions. Pure; foreign bytes in, a value or an error out.
 *
 * Meaning, where Docker leaves it to the library: a call's conditional rules are tried in file order
 * and the first that holds decides; then its unconditional rule (of several the strictest); then the
 * default. Names that the machine does not have are skipped.
 */
#ifndef SBX_POLICY_PROFILE_H
#define SBX_POLICY_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

enum cond_op { COND_EQ, COND_NE, COND_LT, COND_LE, COND_GT, COND_GE, COND_MASKED_EQ };

struct cond {
	unsigned arg; /* 0…5 */
	enum cond_op op;
	uint64_t value; /* compared with the argument */
	uint64_t mask;  /* COND_MASKED_EQ only */
};

struct rule {
	uint32_t nr;
	uint32_t action; /* SECCOMP_RET_* with data */
	unsigned n_conds;
	struct cond conds[6]; /* all must hold */
};

struct rules {         /* of one ABI */
	uint32_t arch; /* AUDIT_ARCH_* */
	struct rule *v;
	size_t n;
	size_t cap;
};

#define PROFILE_ABIS 2
struct profile {
	uint32_t default_action;
	struct rules abi[PROFILE_ABIS];
	size_t n_abis;
};
void profile_done(struct profile *profile);
#define autoprofile __attribute__((cleanup(profile_done)))

/* What the machine is. resolve: number of a call in an ABI, negative if it has none. */
struct machine {
	const char *name;  /* Docker's: "amd64", "arm64" */
	const char *token; /* archMap's: "SCMP_ARCH_X86_64" */
	uint32_t arch;     /* AUDIT_ARCH_X86_64 */
	const char *
		compat_token; /* its 32-bit ABI: "SCMP_ARCH_X86"; let in only if the profile says so */
	uint32_t compat_arch;
	unsigned kernel; /* major << 16 | minor */
	uint64_t caps;
	int (*resolve)(uint32_t arch, const char *name);
};

int profile_parse(const struct json *doc, const struct machine *machine, struct profile *ret,
	struct err *err);

/* Order of severity, as the kernel has it: the larger the stricter. */
unsigned profile_severity(uint32_t action);

#endif
