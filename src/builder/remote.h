/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of ADD that are addresses: fetched into a directory, from which they are then copied. */
#ifndef SBX_BUILDER_REMOTE_H
#define SBX_BUILDER_REMOTE_H

#include "base/err.h"
#include "base/strv.h"
#include "builder/instruction.h"

struct remote {
	int dir;           /* where the files are */
	struct strv names; /* of the sources in it, as COPY would name them */
};
void remote_done(struct remote *remote);

/* Those sources that are addresses. 1: fetched below scratch, which the caller removes. 0: there are none. */
int remote_fetch(
	const struct copy_words *words, const char *scratch, struct remote *ret, struct err *err);

#endif
