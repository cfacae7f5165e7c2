/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one file that knows OpenSSL's digests. A digest that cannot be computed is a bug or a broken
 * OpenSSL, never an input: update and final therefore have no error, and final answers "" (which no
 * expected digest equals) when OpenSSL failed on the way.
 */
#include "image/digest.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"

struct digester {
	EVP_MD_CTX *ctx;
	const char *prefix;
	bool failed;
};

int digester_new(const char *like, struct digester **ret, struct err *err)
{
	bool is512 = like && strncmp(like, "sha512:", 7) == 0;
	struct digester *d;

	if (like && !is512 && strncmp(like, "sha256:", 7) != 0)
		return err_set(err, -EINVAL, "digest algorithm of '%s' is not supported", like);
	d = xcalloc(1, sizeof(*d));
	d->prefix = is512 ? "sha512:" : "sha256:";
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx || EVP_DigestInit_ex(d->ctx, is512 ? EVP_sha512() : EVP_sha256(), NULL) != 1) {
		digester_free(d);
		return err_set(err, -EIO, "OpenSSL cannot compute %s digests here",
			is512 ? "SHA-512" : "SHA-256");
	}
	*ret = d;
	return 0;
}

void digester_update(struct digester *d, const void *data, size_t len)
{
	if (EVP_DigestUpdate(d->ctx, data, len) != 1)
		d->failed = true;
}

void digester_final(struct digester *d, char ret[DIGEST_MAX])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t at = strlen(d->prefix);

	ret[0] = '\0';
	if (EVP_DigestFinal_ex(d->ctx, sum, &len) != 1 || d->failed)
		return;
	memcpy(ret, d->prefix, at);
	for (unsigned i = 0; i < len; i++) {
		ret[at++] = hex[sum[i] >> 4];
		ret[at++] = hex[sum[i] & 15];
	}
	ret[at] = '\0';
}

void digester_free(struct digester *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

void digester_free_(struct digester **d)
{
	digester_free(*d);
}
