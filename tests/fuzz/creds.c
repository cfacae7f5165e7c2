/* SPDX-License-Identifier: Apache-2.0 */
/* A login file, and what a credential helper prints: a login has no control bytes that a header could
 * break on, and a file without the host has none for it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "image/creds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autocreds struct creds creds = { 0 }, answer = { 0 };
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	(void)creds_from_helper((const char *)data, size, &answer, &err);
	err = (struct err)ERR_INIT;
	if (json_parse((const char *)data, size, &doc, &err) < 0)
		return 0;
	(void)creds_helper(doc, "r.io");
	(void)creds_from_json(doc, "r.io", "team/app", &creds, &err);
	if (!memmem(data, size, "r.io", 4) && !memchr(data, '\\', size) && creds.user)
		abort(); /* of another host */
	return 0;
}
