/* SPDX-License-Identifier: Apache-2.0 */
/* Which servers may hold a registry's images: config.json's "registries" (docs/formats.md). */
#ifndef SBX_IMAGE_MIRRORS_H
#define SBX_IMAGE_MIRRORS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

struct endpoint {
	char *base; /* "https://registry-1.docker.io": scheme, host, port, path; no "/" at the end */
	char *login_host; /* whose stored login belongs here: "docker.io", "127.0.0.1:5000" */
	bool insecure;    /* the configuration says: certificate unchecked */
	bool plain_ok;    /* plain http may be spoken: configured, or a literal loopback */
	bool either;      /* the scheme is a guess: if it fails, the other may be tried */
	bool mirror;
	struct strv realms; /* "authRealms": hosts that may get the login besides the registry */
};

struct endpoints {
	struct endpoint *list; /* mirrors in the order of the file, the origin last; never empty */
	size_t n;
};
void endpoints_done(struct endpoints *endpoints);
#define autoendpoints __attribute__((cleanup(endpoints_done)))

/* settings: the parsed config file, NULL when there is none. Pure. -EINVAL names the bad key. */
int mirrors_resolve(
	const struct json *settings, const char *domain, struct endpoints *ret, struct err *err);

/* What --tls-verify says of all of them: certificates are checked and the registry itself is spoken to in
 * https; or they are not, and plain http with it is tried, too. */
void mirrors_verify(struct endpoints *endpoints, bool verify);

#endif
