/* SPDX-License-Identifier: Apache-2.0 */
/* Stored logins: those of `sbx login`, and what `docker login` and `podman login` have left on this
 * machine, which are only read. */
#ifndef SBX_IMAGE_CREDS_H
#define SBX_IMAGE_CREDS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strv.h"

struct creds {
	char *user, *secret;
	char *identity_token; /* OAuth2 refresh token instead of a secret, or NULL */
	char *source;         /* for messages: the file or helper it came from */
};
void creds_done(struct creds *creds);
#define autocreds __attribute__((cleanup(creds_done)))

/* Login for the repository `path` on `host` ("docker.io", "127.0.0.1:5000"). Searched in this order,
 * the first file that knows the host wins: $REGISTRY_AUTH_FILE alone if set, else our own
 * $XDG_CONFIG_HOME/sbx/auth.json, $XDG_RUNTIME_DIR/containers/auth.json, $XDG_CONFIG_HOME/containers/auth.json,
 * $DOCKER_CONFIG/config.json or ~/.docker/config.json. Returns 1 when found, 0 when not. Whatever
 * is wrong with a file or helper is warned about and means "no login", never an error. */
int creds_find(const char *host, const char *path, struct creds *ret);

/* The files in that order; the first is the one that creds_store() writes. */
void creds_files(struct strv *ret);
/* NULL, or the file or helper (source) that knows the host now; caller frees. */
char *creds_source(const char *host);

/* ---- creds_store.c ---- */

/* Keeps a login: with the credential helper that a file names for this host, else in the first file of
 * creds_files(), 0600. *ret_where is the file or helper; caller frees. */
int creds_store(const char *host, const struct creds *creds, char **ret_where, struct err *err);
/* Forgets it there. 1: there was one, 0: there was none. */
int creds_erase(const char *host, struct err *err);
int creds_erase_all(struct err *err); /* of the file; how many */

#define CREDS_HUB_KEY "https://index.docker.io/v1/" /* what Docker calls docker.io */
/* "docker-credential-NAME VERB" with text on its stdin. Exit status, *ret_answer (may be NULL) caller frees. */
int creds_call_helper(
	const char *name, const char *verb, const char *text, char **ret_answer, struct err *err);
bool creds_key_is(const char *key, const char *host); /* does this key of "auths" mean host? */
/* The credential helper that the first file with an opinion names; NULL = none. Caller frees. */
char *creds_helper_of(const char *host);

/* Pure: from one parsed file. The host must match to the letter, the namespace (auth.json's
 * "quay.io/team") by whole components, the longest first. Returns 1, 0, or -EINVAL. */
int creds_from_json(const struct json *doc, const char *host, const char *path, struct creds *ret,
	struct err *err);

/* Pure: the credential helper the file names for this host, or NULL. Borrowed from doc. */
const char *creds_helper(const struct json *doc, const char *host);

/* Pure: a helper's answer. Returns 1 or -EINVAL. */
int creds_from_helper(const char *text, size_t len, struct creds *ret, struct err *err);

#endif
