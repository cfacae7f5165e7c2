/* SPDX-License-Identifier: Apache-2.0 */
/* Which certificate authorities and client certificates belong to a host. */
#ifndef SBX_IMAGE_TRUST_H
#define SBX_IMAGE_TRUST_H

#include "base/buf.h"
#include "base/err.h"

struct trust {
	struct buf bundle; /* PEM: the system's authorities and the private ones; empty when
				      * there are no private ones: then base_file holds all */
	char *base_file;   /* file of the system's authorities; NULL = curl's own default */
	char *client_cert, *client_key; /* files, or NULL */
};
void trust_done(struct trust *trust);
#define autotrust __attribute__((cleanup(trust_done)))

/* Private authorities: *.crt and *.pem of ca_dir (may be NULL), *.crt of certs_dir/<authority>, which
 * is Docker's layout and may also hold NAME.cert with NAME.key. system_default: what curl would use;
 * $SSL_CERT_FILE replaces it. */
int trust_load(const char *ca_dir, const char *certs_dir, const char *authority,
	const char *system_default, struct trust *ret, struct err *err);

#endif
