/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `want` has been unpacked a moment ago, `have` may be damaged in any way: nothing in it is followed or
 * waited for. What cannot be read there is a difference, not a failure.
 */
#include "image/compare.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"
#include "base/strv.h"
#include "base/xalloc.h"

#define BLOCK      ((size_t)256 << 10)
#define TARGET_MAX 4097
#define XATTRS_MAX ((size_t)64 << 10)
#define OVERLAY    "user.overlay."

struct pair {
	int want, have; /* directories */
	const char *path, *name;
	bool owners;
	char *block; /* 2 * BLOCK bytes for everybody */
};

static int differs(const struct pair *p, const char *what, struct err *err)
{
	return err_set(
		err, -EUCLEAN, "'%.300s%s%.100s' %s", p->path, *p->path ? "/" : "", p->name, what);
}

static int compare_data(const struct pair *p, struct err *err)
{
	autofd int want = openat(p->want, p->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	autofd int have = openat(p->have, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	off_t at = 0;
	ssize_t n, m;

	if (want < 0)
		return err_sys(err, "open what was unpacked");
	if (have < 0)
		return differs(p, "cannot be read", err);
	do {
		n = pread(want, p->block, BLOCK, at);
		m = pread(have, p->block + BLOCK, BLOCK, at);
		if (n < 0)
			return err_sys(err, "read what was unpacked");
		if (m != n || memcmp(p->block, p->block + BLOCK, (size_t)n) != 0)
			return differs(p, "has other contents", err);
		at += n;
	} while (n > 0);
	return 0;
}

static int compare_target(const struct pair *p, struct err *err)
{
	char want[TARGET_MAX], have[TARGET_MAX];
	ssize_t n = readlinkat(p->want, p->name, want, sizeof(want));
	ssize_t m = readlinkat(p->have, p->name, have, sizeof(have));

	if (n < 0)
		return err_sys(err, "read what was unpacked");
	return n == m && memcmp(want, have, (size_t)n) == 0
		       ? 0
		       : differs(p, "leads somewhere else", err);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "name\0value…" of all but the overlay's, in the order of their names. */
static void collect_xattrs(int dir, const char *name, struct buf *ret)
{
	autofree char *list = xmalloc(XATTRS_MAX), *value = xmalloc(XATTRS_MAX);
	autofd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	autostrv struct strv names = STRV_INIT;
	ssize_t n = fd < 0 ? -1 : flistxattr(fd, list, XATTRS_MAX);

	for (char *at = list; n > 0 && at < list + n; at += strlen(at) + 1)
		if (strncmp(at, OVERLAY, strlen(OVERLAY)) != 0)
			strv_add(&names, at);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	strv_each (it, &names) {
		n = fgetxattr(fd, *it, value, XATTRS_MAX);
		buf_add(ret, *it, strlen(*it) + 1);
		if (n > 0)
			buf_add(ret, value, (size_t)n);
	}
}

static int compare_owners(
	const struct pair *p, const struct stat *want, const struct stat *have, struct err *err)
{
	autobuf struct buf left = BUF_INIT, right = BUF_INIT;

	if (want->st_uid != have->st_uid || want->st_gid != have->st_gid)
		return differs(p, "belongs to somebody else", err);
	if (!S_ISLNK(want->st_mode) && want->st_mode != have->st_mode)
		return differs(p, "has another mode", err);
	if (!S_ISREG(want->st_mode) && !S_ISDIR(want->st_mode))
		return 0;
	collect_xattrs(p->want, p->name, &left);
	collect_xattrs(p->have, p->name, &right);
	if (left.len != right.len || (left.len > 0 && memcmp(left.data, right.data, left.len) != 0))
		return differs(p, "has other extended attributes", err);
	return 0;
}

static int compare_dirs(const struct pair *at, struct err *err);

static int compare_below(const struct pair *p, struct err *err)
{
	autofree char *path = xasprintf("%s%s%s", p->path, *p->path ? "/" : "", p->name);
	autofd int want = openat(p->want, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd int have = openat(p->have, p->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const struct pair below = { want, have, path, "", p->owners, p->block };

	if (want < 0)
		return err_sys(err, "open what was unpacked");
	if (have < 0)
		return differs(p, "cannot be read", err);
	return compare_dirs(&below, err);
}

static int compare_entry(const struct pair *p, struct err *err)
{
	struct stat want, have;

	if (fstatat(p->want, p->name, &want, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "look at what was unpacked");
	if (fstatat(p->have, p->name, &have, AT_SYMLINK_NOFOLLOW) < 0)
		return differs(p, "is missing", err);
	if ((want.st_mode & S_IFMT) != (have.st_mode & S_IFMT))
		return differs(p, "is of another kind", err);
	if (p->owners)
		TRY(compare_owners(p, &want, &have, err));
	if (S_ISDIR(want.st_mode))
		return compare_below(p, err);
	if (S_ISLNK(want.st_mode))
		return compare_target(p, err);
	if (S_ISCHR(want.st_mode) || S_ISBLK(want.st_mode))
		return want.st_rdev == have.st_rdev ? 0 : differs(p, "is another device", err);
	if (!S_ISREG(want.st_mode))
		return 0;
	if (want.st_size != have.st_size)
		return differs(p, "has another size", err);
	return compare_data(p, err);
}

static int list(int dir, struct strv *ret, struct err *err)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!stream)
		return err_sys(err, "read a directory of a layer");
	(void)move_fd(&fd); /* the stream's now */
	while ((e = readdir(stream)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strv_add(ret, e->d_name);
	return 0;
}

static int compare_dirs(const struct pair *at, struct err *err)
{
	autostrv struct strv want = STRV_INIT, have = STRV_INIT;
	struct pair entry = *at;

	TRY(list(at->want, &want, err));
	TRY(list(at->have, &have, err));
	strv_each (name, &want) {
		entry.name = *name;
		TRY(compare_entry(&entry, err));
	}
	if (want.n == have.n)
		return 0;
	strv_each (name, &have) {
		entry.name = *name;
		if (!strv_has(&want, *name))
			return differs(&entry, "does not belong there", err);
	}
	return 0;
}

int tree_compare(int want, int have, bool owners, struct err *err)
{
	autofree char *block = xmalloc(2 * BLOCK);
	const struct pair top = { want, have, "", "", owners, block };

	return compare_dirs(&top, err);
}
