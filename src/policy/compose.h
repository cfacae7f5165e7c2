/* SPDX-License-Identifier: Apache-2.0 */
/* A profile made stricter or wider, call by call, before it is compiled. */
#ifndef SBX_POLICY_COMPOSE_H
#define SBX_POLICY_COMPOSE_H

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

/* text: a profile in Docker's form. Appends the same with every rule about the denied calls replaced by
 * EPERM and about the allowed ones by a plain yes; of a call in both lists the refusal counts. -EINVAL:
 * not JSON, or a denied name the profile does not know: it is refused already, or misspelt. Pure. */
int profile_compose(const char *text, size_t len, const struct strv *deny, const struct strv *allow,
	struct buf *out, struct err *err);

#endif
