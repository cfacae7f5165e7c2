/* SPDX-License-Identifier: Apache-2.0 */
/* The address of a build context in git: no part of it that git(1) sees can be an option, or name a
 * transport that runs a program. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/context_fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct git_address address = { 0 };
	struct err err = ERR_INIT;

	(void)git_is_address(text);
	if (git_address_split(text, &address, &err) == 0) {
		if (!address.url || *address.url == '-' || strstr(address.url, "::"))
			abort();
		if (address.ref && (!*address.ref || *address.ref == '-'))
			abort();
	} else if (!*err.text) {
		abort();
	}
	git_address_done(&address);
	return 0;
}
