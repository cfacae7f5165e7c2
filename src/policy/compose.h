/* SPDX-License-Identifier: Apache-2.0 */
/* A profile made stricter or wider, call by call, before it is compiled. */
#ifndef SBX_POLICY_COMPOSE_H
#define SBX_POLICY_COMPOSE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct profile_edits {
	struct strv deny;  /* EPERM, whatever the profile says; beats the others */
	struct strv allow; /* pass, whatever the profile says */
	struct strv only;  /* not empty: nothing else of what the profile lets through passes */
};
void profile_edits_done(struct profile_edits *edits);

/* text: a profile in Docker's form. Appends it as edited. -EINVAL: not JSON, or a denied name the profile
 * does not know: it is refused already, or misspelt. Pure. */
int profile_compose(const char *text, size_t len, const struct profile_edits *edits,
	struct buf *out, struct err *err);

#endif
