/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SBX_IMAGE_MANIFEST_PRIVATE_H
#define SBX_IMAGE_MANIFEST_PRIVATE_H

#include "image/store.h"

/* {"mediaType","digest","size"}: canonical digest, size 0…2^62, else -EINVAL. */
int descriptor_parse(const struct json *value, struct descriptor *ret, struct err *err);

#endif
