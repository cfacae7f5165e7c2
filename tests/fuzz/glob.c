/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern in the first line, a path in the rest: a path that matches could be reached through each
 * of its directories, and a pattern without special characters matches itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "builder/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_heads(const struct glob *glob, char *path)
{
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (*path && !glob_may_continue(glob, path))
			abort();
		*slash = '/';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size < 4096 ? size : 4096);
	struct err err = ERR_INIT;
	struct glob glob = { 0 };
	char *path = strchrnul(text, '\n');

	if (*path)
		*path++ = '\0';
	if (glob_compile(text, &glob, &err) < 0) {
		if (!*err.text)
			abort();
		return 0;
	}
	if (*text && !glob_is_wild(text) && !glob_match(&glob, text, strlen(text)))
		abort();
	if (glob_match(&glob, path, strlen(path)))
		check_heads(&glob, path);
	glob_done(&glob);
	return 0;
}
