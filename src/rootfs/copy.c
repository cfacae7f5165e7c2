/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"

#define DEPTH_MAX 256

static int copy_meta(int fd, const char *name, const struct stat *st, struct err *err)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (fchownat(fd, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 && errno != EINVAL)
		return err_sys(
			err, "set the owner of '%s'", name); /* EINVAL: unmapped, stays ours */
	if (!S_ISLNK(st->st_mode) && fchmodat(fd, name, st->st_mode & 07777, 0) < 0)
		return err_sys(err, "set the mode of '%s'", name);
	if (utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set the times of '%s'", name);
	return 0;
}

static int copy_bytes(int in, int out, const char *name, struct err *err)
{
	char buf[65536];

	for (;;) {
		ssize_t n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0);

		if (n == 0)
			return 0;
		if (n < 0)
			break; /* EXDEV, EINVAL, ENOSYS: by hand, from where it stands */
	}
	for (;;) {
		ssize_t n = read(in, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(err, "read '%s'", name) : 0;
		TRY(fs_write_all(out, buf, (size_t)n, err));
	}
}

static int copy_file(int from, int to, const char *name, struct err *err)
{
	autofd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	autofd int out = -EBADF;

	if (in < 0)
		return err_sys(err, "open '%s'", name);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return fs_err(err, to, name);
	return copy_bytes(in, out, name, err);
}

static int copy_link(int from, int to, const char *name, struct err *err)
{
	char text[4096];
	ssize_t n = readlinkat(from, name, text, sizeof(text) - 1);

	if (n < 0)
		return err_sys(err, "read link '%s'", name);
	text[n] = '\0';
	if (symlinkat(text, to, name) < 0)
		return fs_err(err, to, name);
	return 0;
}

static int copy_tree(int from, int to, int depth, struct err *err);

static int copy_dir(int from, int to, const char *name, int depth, struct err *err)
{
	autofd int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	autofd int out = -EBADF;

	if (in < 0)
		return err_sys(err, "open '%s'", name);
	if (mkdirat(to, name, 0700) < 0)
		return fs_err(err, to, name);
	out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_sys(err, "open '%s'", name);
	return copy_tree(in, out, depth + 1, err);
}

static int copy_entry(int from, int to, const char *name, int depth, struct err *err)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "stat '%s'", name);
	if (S_ISREG(st.st_mode))
		TRY(copy_file(from, to, name, err));
	else if (S_ISDIR(st.st_mode))
		TRY(copy_dir(from, to, name, depth, err));
	else if (S_ISLNK(st.st_mode))
		TRY(copy_link(from, to, name, err));
	else
		return 0; /* devices, FIFOs and sockets mean nothing in another place */
	return copy_meta(to, name, &st, err);
}

static int copy_tree(int from, int to, int depth, struct err *err)
{
	autodir DIR *stream = NULL;
	int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (depth > DEPTH_MAX)
		return err_set(err, -ELOOP, "directories nested too deeply");
	stream = again < 0 ? NULL : fdopendir(again); /* takes again over */
	if (!stream)
		return err_sys(err, "open directory");
	for (;;) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(stream);
		if (!entry)
			return errno ? err_sys(err, "list directory") : 0;
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			TRY(copy_entry(from, to, entry->d_name, depth, err));
	}
}

static int is_empty(int dir, struct err *err)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;

	if (!stream)
		return err_sys(err, "open the volume");
	while ((entry = readdir(stream)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			return 0;
	return 1;
}

int copy_into_empty(int from, const char *path, struct err *err)
{
	autofd int to = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int empty;

	/* Two containers may use it for the first time at once: the second waits until it is filled. */
	while (to >= 0 && flock(to, LOCK_EX) < 0 && errno == EINTR)
		; /* a file system without locks does without */
	if (to < 0 && errno == EACCES)
		return 0; /* a volume in use whose root belongs to another container id */
	if (to < 0 || fstat(from, &st) < 0)
		return err_sys(err, "open volume '%s'", path);
	empty = is_empty(to, err);
	if (empty <= 0)
		return empty;
	if (copy_tree(from, to, 0, err) < 0)
		return err_wrap(err, "fill volume '%s'", path);
	return copy_meta(to, ".", &st, err);
}
