/* SPDX-License-Identifier: Apache-2.0 */
/* Stored logins: what `docker login` and `podman login` have left on this machine. Read only. */
#ifndef SBX_IMAGE_CREDS_H
#define SBX_IMAGE_CREDS_H

#include "base/err.h"
#include "base/json.h"

struct creds {
	char *user, *secret;
	char *identity_token; /* OAuth2 refresh token instead of a secret, or NULL */
	char *source;         /* for messages: the file or helper it came from */
};
void creds_done(struct creds *creds);
#define autocreds __attribute__((cleanup(creds_done)))

/* Login for the repository `path` on `host` ("docker.io", "127.0.0.1:5000"). Searched in this order,
 * the first file that knows the host wins: $REGISTRY_AUTH_FILE alone if set, else
 * $XDG_RUNTIME_DIR/containers/auth.json, $XDG_CONFIG_HOME/containers/auth.json,
 * $DOCKER_CONFIG/config.json or ~/.docker/config.json. Returns 1 when found, 0 when not. Whatever
 * is wrong with a file or helper is warned about and means "no login", never an error. */
int creds_find(const char *host, const char *path, struct creds *ret);

/* Pure: from one parsed file. The host must match to the letter, the namespace (auth.json's
 * "quay.io/team") by whole components, the longest first. Returns 1, 0, or -EINVAL. */
int creds_from_json(const struct json *doc, const char *host, const char *path, struct creds *ret,
	struct err *err);

/* Pure: the credential helper the file names for this host, or NULL. Borrowed from doc. */
const char *creds_helper(const struct json *doc, const char *host);

/* Pure: a helper's answer. Returns 1 or -EINVAL. */
int creds_from_helper(const char *text, size_t len, struct creds *ret, struct err *err);

#endif
