/* SPDX-License-Identifier: Apache-2.0 */
/* `-c` of import and commit: Dockerfile instructions that change an image's configuration. Pure. */
#ifndef SBX_IMAGE_CHANGES_H
#define SBX_IMAGE_CHANGES_H

#include "base/err.h"
#include "base/json.h"

/* config: the "config" object of an image. Known: CMD ENTRYPOINT ENV EXPOSE LABEL ONBUILD STOPSIGNAL
 * USER VOLUME WORKDIR. -EINVAL names what is wrong. */
int changes_apply(struct json *config, const char *instruction, struct err *err);

#endif
