/* SPDX-License-Identifier: Apache-2.0 */
/* See fs.h. The walk below answers like RESOLVE_IN_ROOT where openat2 (Linux 5.6) is missing. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/own.h"
#include "base/sys.h"

#define SYMLINKS_MAX 40 /* as the kernel, path_resolution(7) */

/* ---- resolution inside a root ---- */

/* Where the walk stands: a stack of open directories, so that ".." cannot be raced out of root. */
struct walk {
	int root;
	int stack[PATH_MAX / 2];
	int depth;
	int links;
	char rest[PATH_MAX];
};

static int walk_top(const struct walk *walk)
{
	return walk->depth ? walk->stack[walk->depth - 1] : walk->root;
}

static void walk_rewind(struct walk *walk, int depth)
{
	while (walk->depth > depth)
		(void)close(walk->stack[--walk->depth]);
}

/* Puts a symlink's text in front of what is left to walk. */
static int walk_link(struct walk *walk, int link, const char *tail)
{
	char text[PATH_MAX], joined[PATH_MAX];
	ssize_t len = readlinkat(link, "", text, sizeof(text) - 1);
	int n;

	if (len < 0)
		return -errno;
	text[len] = '\0';
	if (++walk->links > SYMLINKS_MAX)
		return -ELOOP;
	n = snprintf(joined, sizeof(joined), "%s%s%s", text, *tail ? "/" : "", tail);
	if (n >= (int)sizeof(joined))
		return -ENAMETOOLONG;
	if (text[0] == '/')
		walk_rewind(walk, 0);
	memcpy(walk->rest, joined, (size_t)n + 1);
	return 0;
}

/* One component; `last` leaves the final one to the caller. Returns 1 when rest was replaced. */
static int walk_step(struct walk *walk, const char *name, const char *tail)
{
	autofd int fd = -EBADF;
	struct stat st;
	int r;

	if (strcmp(name, "..") == 0) {
		walk_rewind(walk, walk->depth ? walk->depth - 1 : 0);
		return 0;
	}
	fd = openat(walk_top(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode)) {
		r = walk_link(walk, fd, tail);
		return r < 0 ? r : 1;
	}
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	if (walk->depth == (int)ARRAY_SIZE(walk->stack))
		return -ENAMETOOLONG;
	walk->stack[walk->depth++] = move_fd(&fd);
	return 0;
}

/* The last component: opened in its directory, following links by hand. 1 = walk on. */
static int walk_last(struct walk *walk, const char *name, int flags, mode_t mode)
{
	autofd int probe = -EBADF;
	struct stat st;
	int fd, r;

	if (*name == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
		if (strcmp(name, "..") == 0)
			walk_rewind(walk, walk->depth ? walk->depth - 1 : 0);
		fd = openat(walk_top(walk), ".", (flags & ~O_NOFOLLOW) | O_CLOEXEC);
		return fd < 0 ? -errno : fd;
	}
	probe = openat(walk_top(walk), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (probe >= 0 && fstat(probe, &st) == 0 && S_ISLNK(st.st_mode) && !(flags & O_NOFOLLOW)) {
		if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
			return -EEXIST;
		r = walk_link(walk, probe, flags & O_DIRECTORY ? "." : "");
		return r < 0 ? r : -EAGAIN;
	}
	fd = openat(walk_top(walk), name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

static int walk_open(struct walk *walk, int flags, mode_t mode)
{
	char name[NAME_MAX + 2], current[PATH_MAX];

	for (;;) {
		const char *at = walk->rest + strspn(walk->rest, "/");
		size_t len = strcspn(at, "/");
		const char *tail = at + len + strspn(at + len, "/");
		bool dir_wanted = at[len] == '/';
		int r;

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, at, len);
		name[len] = '\0';
		(void)snprintf(current, sizeof(current), "%s", tail);
		if (*tail == '\0') {
			r = walk_last(walk, name, flags | (dir_wanted ? O_DIRECTORY : 0), mode);
			if (r == -EAGAIN)
				continue;
			return r;
		}
		r = strcmp(name, ".") == 0 ? 0 : walk_step(walk, name, current);
		if (r < 0)
			return r;
		if (r == 0)
			memmove(walk->rest, current, strlen(current) + 1);
	}
}

static int open_by_walk(int root, const char *path, int flags, mode_t mode)
{
	struct walk *walk = malloc(sizeof(*walk));
	int r;

	if (!walk)
		return -ENOMEM;
	*walk = (struct walk){ .root = root };
	if (snprintf(walk->rest, sizeof(walk->rest), "%s", path) >= (int)sizeof(walk->rest))
		r = -ENAMETOOLONG;
	else
		r = walk_open(walk, flags, mode);
	walk_rewind(walk, 0);
	free(walk);
	return r;
}

static int open_in(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | O_TMPFILE) & ~O_DIRECTORY ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (*path == '\0')
		path = ".";
	for (int tries = 0; tries < 64; tries++) {
		int fd = sys_openat2(root, path, &how);

		if (fd >= 0)
			return fd;
		if (errno == ENOSYS || errno == EPERM)
			break;       /* EPERM: an outer seccomp filter that does not know openat2 */
		if (errno != EAGAIN) /* a rename raced with ".."; the kernel asks to retry */
			return -errno;
	}
	return open_by_walk(root, path, flags, mode);
}

int fs_open_in(int root, const char *path, int flags, mode_t mode, struct err *err)
{
	int fd = open_in(root, path, flags, mode);

	if (fd >= 0)
		return fd;
	errno = -fd;
	return err_sys(err, "open '%s' in the container's root", path);
}

int fs_mkdirs_in(int root, const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	size_t at = 0;
	int fd;

	if (strlen(path) >= sizeof(part))
		return err_set(err, -ENAMETOOLONG, "path is longer than %d bytes", PATH_MAX);
	fd = open_in(root, path, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0) /* mostly there already */
		return fd;
	for (;;) {
		autofd int parent = -EBADF;
		char *slash;
		int r;

		at += strspn(path + at, "/");
		at += strcspn(path + at, "/");
		memcpy(part, path, at);
		part[at] = '\0';
		r = open_in(root, part, O_PATH | O_DIRECTORY, 0);
		if (r == -ENOENT) {
			slash = strrchr(part, '/');
			if (slash)
				*slash = '\0';
			parent = open_in(root, slash ? part : ".", O_PATH | O_DIRECTORY, 0);
			if (parent >= 0 && mkdirat(parent, slash ? slash + 1 : part, mode) < 0 &&
				errno != EEXIST)
				return fs_err(err, parent, path);
			if (slash)
				*slash = '/';
			r = open_in(root, part, O_PATH | O_DIRECTORY, 0);
		}
		if (r < 0) {
			errno = -r;
			return err_sys(err, "directory '%s' in the container's root", part);
		}
		if (path[at + strspn(path + at, "/")] == '\0')
			return r;
		(void)close(r);
	}
}

int fs_target_in(int root, const char *path, bool want_dir, struct err *err)
{
	autofree char *copy = NULL;
	autofd int parent = -EBADF;
	char *slash;
	int fd;

	if (want_dir)
		return fs_mkdirs_in(root, path, 0755, err);
	fd = open_in(root, path, O_PATH, 0);
	if (fd >= 0)
		return fd;
	/* EXCL: what is made is a file of ours, so its descriptor serves as the target */
	fd = open_in(root, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd >= 0)
		return fd;
	copy = strdup(path);
	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	slash = strrchr(copy, '/');
	if (slash) {
		*slash = '\0';
		parent = fs_mkdirs_in(root, *copy ? copy : "/", 0755, err);
		if (parent < 0)
			return parent;
	}
	fd = open_in(root, path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd == -EEXIST)
		fd = open_in(root, path, O_PATH, 0);
	if (fd >= 0)
		return fd;
	errno = -fd;
	return fs_err(err, root, path);
}

/* ---- host paths and our own directories ---- */

int fs_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return err_set(err, -ENAMETOOLONG, "bad path '%s'", path);
	memcpy(part, path, len + 1);
	if (mkdir(part, mode) == 0 || errno == EEXIST)
		return 0;
	for (char *p = part + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return fs_err(err, AT_FDCWD, part);
		*p = c;
		if (c == '\0')
			return 0;
	}
}

int fs_open_private_dir(const char *path, struct err *err)
{
	autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		TRY(fs_mkdirs(path, 0700, err));
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open directory '%s'", path);
	if (st.st_uid != geteuid())
		return err_set(err, -EPERM, "'%s' belongs to uid %u, not to you (uid %u)", path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & 022)
		return err_set(err, -EPERM, "'%s' can be written by others; run: chmod go-w '%s'",
			path, path);
	return move_fd(&fd);
}

/* ---- whole files ---- */

int fs_read_fd(int fd, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	autofree char *data = NULL;
	size_t len = 0, cap;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "stat '%s'", name);
	cap = st.st_size > 0 && (size_t)st.st_size < max ? (size_t)st.st_size + 2 : 4096;
	for (;;) {
		char *grown = len + 1 < cap && data ? data
						    : realloc(data, cap = data ? cap * 2 : cap);
		ssize_t n;

		if (!grown)
			return err_set(err, -ENOMEM, "out of memory");
		data = grown;
		n = read(fd, data + len, cap - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, "read '%s'", name);
		len += (size_t)n;
		if (len > max)
			return err_set(err, -EFBIG, "'%s' is larger than %zu bytes", name, max);
		if (n == 0)
			break;
	}
	data[len] = '\0';
	*ret = move_ptr(&data);
	if (ret_len)
		*ret_len = len;
	return 0;
}

int fs_read_at(int dir, const char *name, size_t max, char **ret, size_t *ret_len, struct err *err)
{
	autofd int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "'%s' is not a regular file", name);
	return fs_read_fd(fd, name, max, ret, ret_len, err);
}

int fs_write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fs_err(err, fd, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_temp(
	int dir, const char *temp, const void *data, size_t len, enum fs_sync sync, struct err *err)
{
	autofd int fd = openat(
		dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fs_err(err, dir, temp);
	TRY(fs_write_all(fd, data, len, err));
	if (sync == FS_SYNC && fsync(fd) < 0)
		return fs_err(err, fd, temp);
	return 0;
}

int fs_write_at(
	int dir, const char *name, const void *data, size_t len, enum fs_sync sync, struct err *err)
{
	char temp[NAME_MAX + 1];
	uint32_t salt = 0;
	int r;

	if (getrandom(&salt, sizeof(salt), GRND_NONBLOCK) < 0)
		salt = (uint32_t)getpid();
	(void)snprintf(temp, sizeof(temp), ".%.200s.%08x.tmp", name, salt);
	r = write_temp(dir, temp, data, len, sync, err);
	if (r == 0 && renameat(dir, temp, dir, name) < 0)
		r = fs_err(err, dir, name);
	if (r < 0) {
		(void)unlinkat(dir, temp, 0); /* may not exist */
		return r;
	}
	if (sync == FS_SYNC && fsync(dir) < 0)
		return fs_err(err, dir, name);
	return 0;
}

int fs_lock_at(int dir, const char *name, bool exclusive, struct err *err)
{
	autofd int fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return fs_err(err, dir, name);
	while (flock(fd, exclusive ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return fs_lock_err(err, name);
	return move_fd(&fd);
}

int fs_lock_err(struct err *err, const char *what)
{
	int saved = errno;

	if (saved != ENOLCK && saved != ENOSYS && saved != EOPNOTSUPP)
		return err_sys(err, "lock '%s'", what);
	return err_id(err, -saved, "E-STORE-LOCKS",
		"cannot lock '%s': %s. The file system has no locks, without which commands of sbx would "
		"undo each other's work. Without root: put the store elsewhere: sbx --root DIR, or "
		"SBX_ROOT. With root: mount it with locks (NFS: rpc.statd or vers=4; Lustre: -o flock)",
		what, strerror(saved));
}

int fs_err(struct err *err, int dir_or_fd, const char *what)
{
	int saved = errno;
	struct statvfs st;
	bool known = dir_or_fd >= 0 && fstatvfs(dir_or_fd, &st) == 0;

	switch (saved) {
	case EDQUOT:
		return err_id(err, -EDQUOT, "E-QUOTA",
			"%s: your disk quota is used up (the disk itself is not full). Without root: "
			"remove files or images you do not need: sbx rmi IMAGE. With root: a larger quota "
			"(edquota -u USER)",
			what);
	case ENOSPC:
		if (known && st.f_files > 0 && st.f_favail == 0)
			return err_id(err, -ENOSPC, "E-INODES",
				"%s: no inodes left on this file system (%llu in use): too many files, "
				"not too many bytes. Without root: remove images: sbx rmi IMAGE, or move the store: "
				"--root DIR. With root: a file system with more inodes",
				what, (unsigned long long)st.f_files);
		return err_id(err, -ENOSPC, "E-DISK-FULL",
			"%s: no space left on device (%llu MB free). Without root: free some: sbx rmi IMAGE, "
			"or move the store: --root DIR. With root: a folder on a larger disk",
			what,
			known ? (unsigned long long)st.f_bavail * st.f_frsize / 1000000 : 0ULL);
	default:
		errno = saved;
		return err_sys(err, "%s", what);
	}
}
