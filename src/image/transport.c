/* SPDX-License-Identifier: Apache-2.0 */
#include "image/transport.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "base/xalloc.h"
#include "image/image.h"

static const struct {
	const char *prefix;
	enum transport_kind kind;
} kinds[] = {
	{ "oci:", TRANSPORT_OCI },
	{ "oci-archive:", TRANSPORT_OCI_ARCHIVE },
	{ "docker-archive:", TRANSPORT_DOCKER_ARCHIVE },
	{ "dir:", TRANSPORT_DIR },
};

void transport_done(struct transport *transport)
{
	free(transport->path);
	free(transport->name);
	*transport = (struct transport){ 0 };
}

/* "path:name": the name begins at a colon that comes after what exists. */
static void split(const char *rest, struct transport *ret)
{
	for (size_t at = strcspn(rest, ":"); rest[at]; at += 1 + strcspn(rest + at + 1, ":")) {
		autofree char *path = xstrndup(rest, at);

		if (access(path, F_OK) < 0)
			continue;
		ret->path = move_ptr(&path);
		ret->name = rest[at + 1] ? xstrdup(rest + at + 1) : NULL;
		return;
	}
	ret->path = xstrdup(rest);
}

bool transport_parse(const char *text, struct transport *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i].prefix);
		struct transport t = { .kind = kinds[i].kind };

		if (strncmp(text, kinds[i].prefix, n) != 0 || !text[n])
			continue;
		if (kinds[i].kind == TRANSPORT_DIR)
			t.path = xstrdup(text + n);
		else
			split(text + n, &t);
		/* "oci:latest" is an image's name, unless there is such a folder. */
		if (strchr(text + n, '/') || access(t.path, F_OK) == 0) {
			*ret = t;
			return true;
		}
		transport_done(&t);
	}
	return false;
}

bool image_is_file(const char *name)
{
	autotransport struct transport t = { 0 };

	return transport_parse(name, &t);
}
