/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Downloads in progress. The file's own flock says that somebody works on it; what a killed pull left
 * is continued by the next. The name is only unlinked or moved by the holder of the lock, so a lock
 * on a file that lost its name is worth nothing and the opener starts again.
 */
#include "image/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "image/store_private.h"

#define PARTIAL_PATH_MAX (BLOB_PATH_MAX + 16)

/* Both algorithms share .partial: their names differ in length. */
static int partial_path(const char *digest, char ret[PARTIAL_PATH_MAX], struct err *err)
{
	if (!digest_valid(digest))
		return err_set(err, -EINVAL, "'%s' is not a digest", digest ? digest : "");
	(void)snprintf(ret, PARTIAL_PATH_MAX, ".partial/%s", digest + 7);
	return 0;
}

static int lock_wait(int fd)
{
	int r;

	do {
		r = flock(fd, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	return r;
}

int store_partial_open(
	const struct store *store, const char *digest, int64_t *ret_have, struct err *err)
{
	char path[PARTIAL_PATH_MAX];

	TRY(partial_path(digest, path, err));
	for (;;) {
		autofd int fd = -EBADF;
		struct stat st;

		if (store_has_blob(store, digest))
			return store_open_blob(store, digest, ret_have, err);
		fd = openat(store->images, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return fs_err(err, store->images, "start a download");
		if (lock_wait(fd) < 0 || fstat(fd, &st) < 0)
			return err_sys(err, "lock the download of %s", digest);
		if (st.st_nlink == 0)
			continue; /* committed or discarded while we waited */
		*ret_have = st.st_size;
		return move_fd(&fd);
	}
}

int store_partial_commit(const struct store *store, const char *digest, int fd, struct err *err)
{
	return store_partial_commit_as(store, digest, digest, fd, err);
}

int store_partial_commit_as(
	const struct store *store, const char *partial, const char *digest, int fd, struct err *err)
{
	char from[PARTIAL_PATH_MAX], to[BLOB_PATH_MAX];

	TRY(partial_path(partial, from, err));
	TRY(blob_path(digest, to, err));
	if (store_has_blob(store, digest))
		return strcmp(partial, digest) == 0 ? 0
						    : store_partial_discard(store, partial, err);
	/* A failed sync means lost data: never tried again, never ignored. */
	if (store_synced() && fdatasync(fd) < 0)
		return err_sys(err, "write blob %s to disk", digest);
	if (renameat(store->images, from, store->blobs, to) < 0)
		return err_sys(err, "commit blob %s", digest);
	return 0; /* its name is on disk before an image's is: store_set_ref() */
}

int store_partial_discard(const struct store *store, const char *digest, struct err *err)
{
	char path[PARTIAL_PATH_MAX];

	TRY(partial_path(digest, path, err));
	if (unlinkat(store->images, path, 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove the damaged download %s", digest);
	return 0;
}
