/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256 (FIPS 180-4) for small inputs in the start-up path: chain ids, cache keys. Blobs are hashed
 * by OpenSSL in sbx-image, which is several times faster but costs 2 ms to load.
 */
#ifndef SBX_BASE_SHA256_H
#define SBX_BASE_SHA256_H

#include <stddef.h>

#define SHA256_HEX 65 /* 64 digits and NUL */

void sha256_hex(const void *data, size_t len, char ret[SHA256_HEX]);

#endif
