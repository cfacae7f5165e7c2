/* SPDX-License-Identifier: Apache-2.0 */
/* Digests of blobs while they stream, by OpenSSL: for sbx-image only (base/sha256.h is the other). */
#ifndef SBX_IMAGE_DIGEST_H
#define SBX_IMAGE_DIGEST_H

#include <stddef.h>

#include "image/image.h"

struct digester; /* one running hash */

/* like: a digest whose algorithm is wanted ("sha256:…", "sha512:…"); NULL = sha256. */
int digester_new(const char *like, struct digester **ret, struct err *err);
void digester_update(struct digester *d, const void *data, size_t len);
/* Ends the hash: "sha256:" + hex. The digester can only be freed after. */
void digester_final(struct digester *d, char ret[DIGEST_MAX]);
void digester_free(struct digester *d); /* NULL ok */
void digester_free_(struct digester **d);
#define autodigester __attribute__((cleanup(digester_free_)))

#endif
