/* SPDX-License-Identifier: Apache-2.0 */
/* A policy file: any JSON is refused with a reason, or becomes long options and nothing else, so that
 * no policy can slip in an operand (an image, a command). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "options/policy_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autostrv struct strv options = STRV_INIT;
	autojson struct json *doc = NULL;
	struct err err = ERR_INIT;

	if (json_parse((const char *)data, size, &doc, &err) < 0)
		return 0;
	if (policy_options(doc, &options, &err) < 0) {
		if (!*err.text)
			abort();
		return 0;
	}
	strv_each (option, &options)
		if (strncmp(*option, "--", 2) != 0 || !(*option)[2])
			abort();
	return 0;
}
