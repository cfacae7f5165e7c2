/* SPDX-License-Identifier: Apache-2.0 */
/* Images that lie in files, by skopeo's and podman's names: oci:DIR[:NAME], oci-archive:FILE[:NAME],
 * docker-archive:FILE[:NAME], dir:DIR. */
#ifndef SBX_IMAGE_TRANSPORT_H
#define SBX_IMAGE_TRANSPORT_H

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "options/options.h"

enum transport_kind {
	TRANSPORT_OCI,
	TRANSPORT_OCI_ARCHIVE,
	TRANSPORT_DOCKER_ARCHIVE,
	TRANSPORT_DIR,
};

struct transport {
	enum transport_kind kind;
	char *path, *name; /* name: which image of several, NULL = there must be one */
};
void transport_done(struct transport *transport);
#define autotransport __attribute__((cleanup(transport_done)))

/* False: it is a name like any other. */
bool transport_parse(const char *text, struct transport *ret);

/* transport_load.c: brings the image into the store, under the names that it has there, and prints its
 * id. platform: NULL = this machine. */
int transport_pull(const struct globals *globals, const struct transport *transport,
	const char *platform, struct err *err);

#endif
