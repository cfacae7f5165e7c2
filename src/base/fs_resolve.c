/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"

#define SYMLINKS_MAX 40 /* as the kernel, path_resolution(7) */

struct resolving {
	int root;
	int links;
	char done[PATH_MAX]; /* no symlink in it; "" is the root */
	char rest[PATH_MAX];
};

/* The text of the symlink at path; 0 when it is none, or nothing is there. */
static size_t read_link(int root, const char *path, char ret[PATH_MAX])
{
	struct err none;
	autofd int fd = fs_open_in(root, path, O_PATH | O_NOFOLLOW, 0, &none);
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", ret, PATH_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static int step(struct resolving *r, const char *name, const char *tail)
{
	char at[PATH_MAX], text[PATH_MAX], joined[PATH_MAX];
	char *slash = strrchr(r->done, '/');

	if (*name == '\0' || strcmp(name, ".") == 0) {
		(void)snprintf(joined, sizeof(joined), "%s", tail);
	} else if (strcmp(name, "..") == 0) {
		if (slash)
			*slash = '\0';
		(void)snprintf(joined, sizeof(joined), "%s", tail);
	} else {
		if (snprintf(at, sizeof(at), "%s/%s", r->done, name) >= PATH_MAX)
			return -ENAMETOOLONG;
		if (!read_link(r->root, at, text)) {
			(void)snprintf(r->done, sizeof(r->done), "%s", at);
			(void)snprintf(joined, sizeof(joined), "%s", tail);
		} else if (++r->links > SYMLINKS_MAX) {
			return -ELOOP;
		} else if (snprintf(joined, sizeof(joined), "%s/%s", text, tail) >= PATH_MAX) {
			return -ENAMETOOLONG;
		} else if (*text == '/') {
			r->done[0] = '\0';
		}
	}
	memcpy(r->rest, joined, strlen(joined) + 1);
	return 0;
}

int fs_resolve_in(int root, const char *path, char ret[PATH_MAX], struct err *err)
{
	struct resolving r = { .root = root };
	int code = snprintf(r.rest, sizeof(r.rest), "%s", path) < PATH_MAX ? 0 : -ENAMETOOLONG;

	while (code == 0 && r.rest[0]) {
		size_t len = strcspn(r.rest, "/");
		const char *tail = r.rest + len + (r.rest[len] == '/');

		r.rest[len] = '\0';
		code = step(&r, r.rest, tail);
	}
	if (code < 0)
		return err_set(
			err, code, "path '%s' in the container's root: %s", path, strerror(-code));
	(void)snprintf(ret, PATH_MAX, "%s", r.done[0] ? r.done : "/");
	return 0;
}
