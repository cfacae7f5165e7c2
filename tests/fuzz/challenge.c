/* SPDX-License-Identifier: Apache-2.0 */
/* Any WWW-Authenticate value is refused or gives a token URL without control bytes; its realm is only
 * ever trusted with a login when it is the registry's own host. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/auth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_realm(const struct challenge *challenge)
{
	struct url registry = { .https = true, .host = "r.io", .port = "443", .authority = "r.io" };
	struct strv none = STRV_INIT;
	struct err err = ERR_INIT;
	struct url realm;
	bool login = false;

	if (auth_check_realm(&registry, challenge->realm, &none, &login, &err) < 0)
		return;
	if (url_parse(challenge->realm, &realm, &err) < 0 || !realm.https ||
		login != (strcmp(realm.host, "r.io") == 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xmalloc(size + 1), *url = NULL;
	autochallenge struct challenge challenge = { 0 };
	struct err err = ERR_INIT;

	memcpy(text, data, size);
	text[size] = '\0';
	if (challenge_parse(text, &challenge, &err) < 0 || challenge.scheme == AUTH_BASIC)
		return 0;
	url = auth_token_url(&challenge, "repository:a/b:pull", NULL);
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			abort();
	check_realm(&challenge);
	return 0;
}
