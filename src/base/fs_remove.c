/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recursive removal through descriptors. Descends by O_NOFOLLOW opens only and stops at every mount
 * (statx mount ids; device numbers where statx has none), so neither a symlink nor a forgotten bind
 * mount can lead it to somebody's data.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define DEPTH_MAX 4096

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

static int remove_entry(
	int dir, const char *name, const struct place *home, int depth, struct err *err);

static int empty_dir(int fd, const char *name, const struct place *home, int depth, struct err *err)
{
	autodir DIR *stream = fdopendir(fd); /* takes fd over */
	struct place here;
	struct stat st;
	int r;

	if (!stream) {
		(void)close(fd);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = place_of(dirfd(stream), &here);
	if (r < 0 || memcmp(&here, home, sizeof(here)) != 0)
		return err_set(err, r < 0 ? r : -EXDEV,
			"not removing '%s': something is mounted there", name);
	if (fstat(dirfd(stream), &st) == 0 && (st.st_mode & 0300) != 0300)
		(void)fchmod(dirfd(stream), 0700); /* if it is not ours, unlinkat will say so */
	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? err_sys(err, "list '%s'", name) : 0;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		TRY(remove_entry(dirfd(stream), entry->d_name, home, depth + 1, err));
	}
}

static int remove_entry(
	int dir, const char *name, const struct place *home, int depth, struct err *err)
{
	int fd;

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(err, "remove '%s'", name);
	if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
		return 0; /* empty: also works where it cannot be read (overlay's work/work) */
	if (depth > DEPTH_MAX)
		return err_set(err, -ELOOP, "remove '%s': nested too deeply", name);
	fd = open_to_empty(dir, name);
	if (fd < 0)
		return err_set(err, fd == -ENOTDIR ? -EPERM : fd, "remove '%s': %s", name,
			strerror(fd == -ENOTDIR ? EPERM : -fd));
	TRY(empty_dir(fd, name, home, depth, err));
	if (unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(err, "remove directory '%s'", name);
	return 0;
}

int fs_remove_tree(int dir, const char *name, struct err *err)
{
	struct place home;
	int r;

	if (dir == AT_FDCWD) {
		autofd int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

		r = cwd < 0 ? -errno : place_of(cwd, &home);
	} else {
		r = place_of(dir, &home);
	}
	if (r < 0)
		return err_set(err, r, "remove '%s': %s", name, strerror(-r));
	return remove_entry(dir, name, &home, 0, err);
}
