/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure half of logging in: what a registry asks for (RFC 9110 challenges, the distribution
 * project's Bearer tokens) and which of our secrets may be sent where.
 */
#ifndef SBX_IMAGE_AUTH_H
#define SBX_IMAGE_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strv.h"
#include "image/url.h"

enum auth_scheme { AUTH_BASIC, AUTH_BEARER };

struct challenge {
	enum auth_scheme scheme;
	char *realm, *service; /* NULL when absent */
};
void challenge_done(struct challenge *challenge);
#define autochallenge __attribute__((cleanup(challenge_done)))

/* The strongest challenge of one WWW-Authenticate value: Bearer before Basic. -EINVAL when it is
 * not well-formed, -ENOTSUP when it offers neither. */
int challenge_parse(const char *header, struct challenge *ret, struct err *err);

/* May a token be fetched from this realm for this registry, and may stored credentials go there?
 * realms: host names the configuration adds to the built-in pairs. -EPERM: no request at all. */
int auth_check_realm(const struct url *registry, const char *realm, const struct strv *realms,
	bool *ret_credentials, struct err *err);

/* realm?service=…&scope=…[&account=…], every value encoded. Caller frees. */
char *auth_token_url(const struct challenge *challenge, const char *scope, const char *account);

/* Takes the token out of the realm's answer. -EINVAL: not JSON, none there, over 64 KiB, or not
 * printable. Caller frees. */
int auth_parse_token(const char *body, size_t len, char **ret, struct err *err);

char *auth_basic(const char *user, const char *secret); /* "Basic …"; caller frees */

char *base64_encode(const void *data, size_t len); /* caller frees */
/* NUL-terminated; NULL when it is not base64 or hides a NUL. Caller frees. */
char *base64_decode(const char *text);

#endif
