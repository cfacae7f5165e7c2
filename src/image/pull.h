/* SPDX-License-Identifier: Apache-2.0 */
/* `sbx pull`: a name becomes an image in the store. */
#ifndef SBX_IMAGE_PULL_H
#define SBX_IMAGE_PULL_H

#include <stdbool.h>

#include "base/err.h"
#include "options/options.h"

struct pull {
	const char *name;     /* as typed */
	const char *platform; /* "linux/arm64"; NULL = this machine */
	bool quiet;           /* print the full reference only */
	bool implicit; /* nobody typed pull: say what `docker run` says of it, which is less */
	const struct server_opts *server; /* NULL: as configured */
	int out;                          /* descriptor for what `docker pull` prints on stdout */
};
/* Locks this process in (confined.h). */
int pull_image(const struct globals *globals, const struct pull *pull, struct err *err);
/* Every tag of the repository that pull->name names; it may not have a tag itself. */
int pull_all_tags(const struct globals *globals, const struct pull *pull, struct err *err);

#endif
