/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive removal through descriptors. Descends by O_NOFOLLOW opens only and stops at every mount
 * (statx mount ids; device numbers where statx has none), so neither a symlink nor a forgotten bind
 * mount can lead it to somebody's data.
 *
 * Each level costs a descriptor. What is too deep for them is moved up to the top of the tree and removed
 * from there, so any depth can be removed with a handful.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define DEPTH_OPEN 64   /* levels to hold open at most */
#define NAME_TRIES 1000 /* names at the top that may be taken */

struct place {
	uint64_t mount;
	uint32_t major, minor;
};

static int place_of(int fd, struct place *ret)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) < 0)
		return -errno;
	ret->mount = stx.stx_mask & STATX_MNT_ID ? stx.stx_mnt_id : 0; /* Linux 5.8 */
	ret->major = stx.stx_dev_major;
	ret->minor = stx.stx_dev_minor;
	return 0;
}

struct walk {
	struct place home;
	int top;        /* the directory that is removed; -EBADF until it is open */
	unsigned moved; /* directories that have been moved up to it */
};

/* Moves dir/name to the top. True: it is there now, and comes up again in the top's listing. */
static bool move_up(struct walk *walk, int dir, const char *name)
{
	char to[32];

	for (int tries = 0; walk->top >= 0 && tries < NAME_TRIES; tries++) {
		(void)snprintf(to, sizeof(to), ".deep-%u", walk->moved++);
		if (renameat(dir, name, walk->top, to) == 0)
			return true;
		if (errno == EACCES && fchmodat(dir, name, 0700, 0) == 0 &&
			renameat(dir, name, walk->top, to) == 0)
			return true;
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			break;
	}
	return false;
}

/* Opens dir/name to be emptied; makes it readable first where it is ours but closed. */
static int open_to_empty(int dir, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);

	if (fd >= 0 || errno != EACCES)
		return fd < 0 ? -errno : fd;
	if (fchmodat(dir, name, 0700, 0) < 0) /* follows no link: open said it is a directory */
		return -EACCES;
	fd = openat(dir, name, flags);
	return fd < 0 ? -errno : fd;
}

static int remove_entry(int dir, const char *name, struct walk *walk, int depth, struct err *err);

static int remove_listed(
	DIR *stream, const char *name, struct walk *walk, int depth, struct err *err)
{
	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? err_sys(err, "list '%s'", name) : 0;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		TRY(remove_entry(dirfd(stream), entry->d_name, walk, depth + 1, err));
	}
}

static int empty_dir(int fd, const char *name, struct walk *walk, int depth, struct err *err)
{
	autodir DIR *stream = fdopendir(fd); /* takes fd over */
	struct place here;
	struct stat st;
	unsigned moved;
	int r;

	if (!stream) {
		(void)close(fd);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = place_of(dirfd(stream), &here);
	if (r < 0 || memcmp(&here, &walk->home, sizeof(here)) != 0)
		return err_set(err, r < 0 ? r : -EXDEV,
			"not removing '%s': something is mounted there", name);
	if (fstat(dirfd(stream), &st) == 0 && (st.st_mode & 0300) != 0300)
		(void)fchmod(dirfd(stream), 0700); /* if it is not ours, unlinkat will say so */
	if (depth == 0)
		walk->top = dirfd(stream);
	do { /* a listing need not show what is added while it is read */
		moved = walk->moved;
		rewinddir(stream);
		r = remove_listed(stream, name, walk, depth, err);
	} while (r == 0 && depth == 0 && moved != walk->moved);
	if (depth == 0)
		walk->top = -EBADF;
	return r;
}

static int remove_entry(int dir, const char *name, struct walk *walk, int depth, struct err *err)
{
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, "remove '%s'", name);
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0; /* empty: also works where it cannot be read (overlay's work/work) */
	if (depth > DEPTH_OPEN)
		return move_up(walk, dir, name)
			       ? 0
			       : err_set(err, -ELOOP, "remove '%s': nested too deeply", name);
	fd = open_to_empty(dir, name);
	if ((fd == -EMFILE || fd == -ENFILE) && depth > 1 && move_up(walk, dir, name))
		return 0;
	if (fd < 0)
		return err_set(err, fd == -ENOTDIR ? -EPERM : fd, "remove '%s': %s", name,
			strerror(fd == -ENOTDIR ? EPERM : -fd));
	TRY(empty_dir(fd, name, walk, depth, err));
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, "remove directory '%s'", name);
	return 0;
}

int fs_remove_tree(int dir, const char *name, struct err *err)
{
	struct walk walk = { .top = -EBADF };
	int r;

	if (dir == AT_FDCWD) {
		autofd int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

		r = cwd < 0 ? -errno : place_of(cwd, &walk.home);
	} else {
		r = place_of(dir, &walk.home);
	}
	if (r < 0)
		return err_set(err, r, "remove '%s': %s", name, strerror(-r));
	return remove_entry(dir, name, &walk, 0, err);
}
