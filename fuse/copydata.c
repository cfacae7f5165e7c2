/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File contents and xattrs from one descriptor to another. Holes stay holes; blocks are shared
 * where the file system can (FICLONE), else copied in the kernel, else through memory.
 */
#include "copydata.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "layer.h"

#include "base/own.h"

#define CHUNK (1 << 20)

static int copy_by_memory(int from, int to, off_t offset, off_t end)
{
	autofree char *buf = malloc(CHUNK);

	if (!buf)
		return -ENOMEM;
	while (offset < end) {
		size_t want = end - offset < CHUNK ? (size_t)(end - offset) : CHUNK;
		ssize_t n = pread(from, buf, want, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno
				     : 0; /* shorter than it was: what is there is copied */
		for (ssize_t done = 0; done < n;) {
			ssize_t w = pwrite(to, buf + done, (size_t)(n - done), offset + done);

			if (w < 0 && errno != EINTR)
				return -errno;
			done += w > 0 ? w : 0;
		}
		offset += n;
	}
	return 0;
}

static int copy_extent(int from, int to, off_t offset, off_t end)
{
	while (offset < end) {
		off_t in = offset, out = offset;
		ssize_t n = copy_file_range(from, &in, to, &out, (size_t)(end - offset), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
			errno != EOPNOTSUPP)
			return -errno;
		if (n <= 0)
			return copy_by_memory(from, to, offset, end);
		offset += n;
	}
	return 0;
}

/* A read and a write, without asking for holes and clones. */
static int copy_small(int from, int to, size_t size)
{
	char buf[COPYDATA_SMALL];
	ssize_t n = pread(from, buf, size, 0);

	if (n < 0)
		return -errno;
	for (ssize_t done = 0; done < n;) {
		ssize_t w = pwrite(to, buf + done, (size_t)(n - done), done);

		if (w < 0 && errno != EINTR)
			return -errno;
		done += w > 0 ? w : 0;
	}
	return 0;
}

int copydata_file(int from, int to, off_t size)
{
	off_t offset = 0;

	if (size <= 0)
		return 0;
	if (size <= COPYDATA_SMALL)
		return copy_small(from, to, (size_t)size);
	if (ioctl(to, FICLONE, from) == 0)
		return ftruncate(to, size) < 0 ? -errno : 0;
	if (ftruncate(to, size) < 0)
		return -errno;
	while (offset < size) {
		off_t start = lseek(from, offset, SEEK_DATA);
		off_t end;

		if (start < 0 && errno == ENXIO)
			return 0; /* a hole up to the end */
		if (start < 0)
			return copy_extent(from, to, offset, size);
		end = lseek(from, start, SEEK_HOLE);
		if (end < 0 || end > size)
			end = size;
		if (start >= size)
			return 0;
		TRY(copy_extent(from, to, start, end));
		offset = end;
	}
	return 0;
}

static bool is_private(const char *name)
{
	return strncmp(name, "user.overlay.", 13) == 0;
}

/* Attributes that this namespace may not set are those it could not see the effect of either. */
static bool may_stay_behind(const char *name, int r)
{
	if (r == -EOPNOTSUPP)
		return true;
	return r == -EPERM && strncmp(name, "security.", 9) == 0 &&
	       strcmp(name, "security.capability") != 0;
}

static int copy_xattr(
	const struct copydata_object *from, const struct copydata_object *to, const char *name)
{
	autofree char *value = NULL;
	char path[LAYER_PATH_MAX];
	ssize_t n = from->layer->ops->getxattr(from->layer, from->at, name, NULL, 0);
	int r;

	if (n < 0)
		return n == -ENODATA || n == -EOPNOTSUPP ? 0 : (int)n;
	value = malloc((size_t)n + 1);
	if (!value)
		return -ENOMEM;
	n = from->layer->ops->getxattr(from->layer, from->at, name, value, (size_t)n);
	if (n < 0)
		return (int)n;
	r = lsetxattr(layer_proc_path(path, to->at), name, value, (size_t)n, 0) < 0 ? -errno : 0;
	return r < 0 && may_stay_behind(name, r) ? 0 : r;
}

int copydata_xattrs(const struct copydata_object *from, const struct copydata_object *to)
{
	autofree char *names = NULL;
	ssize_t n = from->layer->ops->listxattr(from->layer, from->at, NULL, 0);

	if (n <= 0)
		return n == 0 || n == -EOPNOTSUPP ? 0 : (int)n;
	names = malloc((size_t)n + 1);
	if (!names)
		return -ENOMEM;
	n = from->layer->ops->listxattr(from->layer, from->at, names, (size_t)n);
	if (n < 0)
		return (int)n;
	names[n] = '\0';
	for (const char *name = names; name < names + n; name += strlen(name) + 1)
		if (*name && !is_private(name))
			TRY(copy_xattr(from, to, name));
	return 0;
}
