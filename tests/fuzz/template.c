/* SPDX-License-Identifier: Apache-2.0 */
/* --format templates: any bytes parse or are refused, and what parses runs or is refused. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "commands/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char document[] =
	"{\"A\":\"text\",\"N\":7,\"T\":true,\"Null\":null,\"L\":[\"x\",\"y\"],\"Labels\":{\"k\":\"v\"},"
	"\"M\":{\"In\":{\"List\":[1,2]}}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size < 512 ? size : 512);
	autotemplate struct template *t = NULL;
	autojson struct json *doc = NULL;
	autobuf struct buf out = BUF_INIT;
	struct template_env env = { 0 };
	struct err err = ERR_INIT;

	if (json_parse(document, strlen(document), &doc, &err) < 0)
		abort();
	env.data = doc;
	if (template_parse(text, &t, &err) == 0)
		(void)template_execute(t, &env, &out, &err); /* refusing is fine, crashing is not */
	return 0;
}
