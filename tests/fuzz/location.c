/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry says in Location and Link: resolved, it is an address without control bytes or
 * nothing; a next page is of the same server. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/registry.h"
#include "image/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_url(const char *url)
{
	struct err err = ERR_INIT;
	struct url parts;

	if (url_parse(url, &parts, &err) < 0)
		return;
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == '\\')
			abort();
	if (!*parts.host || !*parts.port || !*parts.authority)
		abort();
}

static void check_page(const char *link)
{
	static const char base[] = "https://r.io";
	autofree char *path = NULL, *whole = NULL;
	struct url registry, target;
	struct err err = ERR_INIT;

	if (registry_next_page(base, "https://r.io/v2/_catalog", link, &path, &err) < 0 || !path)
		return;
	whole = xasprintf("%s%s", base, path);
	if (url_parse(base, &registry, &err) < 0 || url_parse(whole, &target, &err) < 0 ||
		!url_same_origin(&registry, &target))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size), *url = NULL;

	check_page(text);
	url = http_resolve("https://r.io/v2/a/blobs/uploads/1", text);
	if (url)
		check_url(url);
	return 0;
}
