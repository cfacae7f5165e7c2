/* SPDX-License-Identifier: Apache-2.0 */
/* What the server may still do once it reads requests. */
#ifndef SBX_FUSE_CONFINED_H
#define SBX_FUSE_CONFINED_H

#include "base/err.h"

int confined_enter(struct err *err);

#endif
