/* SPDX-License-Identifier: Apache-2.0 */
/* A file from the web, for `import URL`. */
#ifndef SBX_IMAGE_DOWNLOAD_H
#define SBX_IMAGE_DOWNLOAD_H

#include "image/store.h"

/* Returns a descriptor at the start of the file, which has no name and lives in the image store's
 * folder. http:// is allowed: the user typed it. Its time of modification is the server's, or 1970. */
int download_file(
	const struct globals *globals, const struct store *store, const char *url, struct err *err);

#endif
