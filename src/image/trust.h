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

struct trust_source {
	const char *ca_dir; /* private authorities for all hosts: *.crt, *.pem; or NULL */
	const char
		*certs_dir; /* Docker's layout: HOST[:PORT]/ with *.crt, NAME.cert and NAME.key */
	const char *authority; /* HOST[:PORT] */
	const char *fallback;  /* the bundle that curl would use; $SSL_CERT_FILE replaces it */
};
int trust_load(const struct trust_source *source, struct trust *ret, struct err *err);

#endif
