/* SPDX-License-Identifier: Apache-2.0 */
#include "builder/copy_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/kept.h"
#include "base/own.h"

#define COPY_BLOCK 65536

/* Has the image, or an earlier step, said whose it is? */
static bool is_kept(int fd)
{
	return fgetxattr(fd, OWNER_XATTR, NULL, 0) >= 0 || fgetxattr(fd, KEPT_XATTR, NULL, 0) >= 0;
}

int copy_set_owner(int dir, const char *name, uid_t uid, gid_t gid, struct err *err)
{
	int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
	bool given = fchownat(dir, name, uid, gid, flags) == 0;
	autofd int fd = -EBADF;
	int r;

	if (!given && errno != EINVAL)
		return err_sys(err, "set the owner of '%s'", name);
	if (given && (*name || !is_kept(dir)))
		return 0;
	if (*name)
		fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (*name && fd < 0)
		return errno == ELOOP ? 0 : err_sys(err, "set the owner of '%s'", name);
	r = kept_own(*name ? fd : dir, uid, gid);
	if (r == 0 || r == -EOPNOTSUPP || r == -EPERM) /* fifos, and file systems without xattrs */
		return 0;
	errno = -r;
	return err_sys(err, "keep the owner of '%s'", name);
}

static int copy_bytes(int in, int out, const char *name, struct err *err)
{
	char part[COPY_BLOCK];
	ssize_t n;

	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	while ((n = copy_file_range(in, NULL, out, NULL, 1 << 30, 0)) > 0)
		;
	if (n == 0)
		return 0; /* else by hand, from where both stand */
	for (;;) {
		n = read(in, part, sizeof(part));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(err, "read '%s'", name) : 0;
		TRY(fs_write_all(out, part, (size_t)n, err));
	}
}

/* File capabilities and what users keep; those of the overlay and of ours are none of the image's. */
static int copy_xattrs(int in, int out)
{
	char names[4096], value[4096];
	ssize_t n = flistxattr(in, names, sizeof(names));

	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1) {
		const char *name = names + i;
		ssize_t len;

		if (strcmp(name, "security.capability") != 0 &&
			(strncmp(name, "user.", 5) != 0 ||
				strncmp(name, "user.overlay.", 13) == 0 ||
				strncmp(name, "user.sbx.", 9) == 0))
			continue;
		len = fgetxattr(in, name, value, sizeof(value));
		if (len >= 0 && fsetxattr(out, name, value, (size_t)len, 0) < 0 &&
			errno != ENOTSUP && errno != EPERM)
			return -errno;
	}
	return 0;
}

static int make_file(int dir, const char *name, const struct copy_entry *e, struct err *err)
{
	struct timespec times[2] = { e->st.st_mtim, e->st.st_mtim };
	autofd int in = -EBADF;
	autofd int out = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (out < 0)
		return fs_err(err, dir, name);
	if (e->data) {
		TRY(fs_write_all(out, e->data, strlen(e->data), err));
	} else {
		in = fs_open_in(e->source, e->from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
		TRY(in);
		TRY(copy_bytes(in, out, e->from, err));
	}
	TRY(copy_set_owner(out, "", e->st.st_uid, e->st.st_gid, err));
	if (fchmod(out, e->st.st_mode & 07777) < 0)
		return err_sys(err, "set the mode of '%s'", name);
	if (in >= 0 && e->keep_xattrs && copy_xattrs(in, out) < 0)
		return err_sys(err, "set the attributes of '%s'", name);
	if (futimens(out, times) < 0)
		return err_sys(err, "set the time of '%s'", name);
	return 0;
}

static int finish(int dir, const char *name, const struct stat *st, struct err *err)
{
	struct timespec times[2] = { st->st_mtim, st->st_mtim };

	TRY(copy_set_owner(dir, name, st->st_uid, st->st_gid, err));
	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set the time of '%s'", name);
	return 0;
}

static int make_symlink(int dir, const char *name, const struct copy_entry *e, struct err *err)
{
	autofd int link = fs_open_in(e->source, e->from, O_PATH | O_NOFOLLOW, 0, err);
	char text[PATH_MAX];
	ssize_t n;

	TRY(link);
	n = readlinkat(link, "", text, sizeof(text) - 1);
	if (n < 0)
		return err_sys(err, "read the link '%s'", e->from);
	text[n] = '\0';
	if (symlinkat(text, dir, name) < 0)
		return fs_err(err, dir, name);
	return finish(dir, name, &e->st, err);
}

/* A file that says it is a device, as unpacking and the supervisor of a single id make it. */
static int make_kept(int dir, const char *name, const struct copy_entry *e, struct err *err)
{
	struct timespec times[2] = { e->st.st_mtim, e->st.st_mtim };
	autofd int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char text[KEPT_MAX];
	int n = kept_format(text, &e->st);

	if (fd < 0)
		return fs_err(err, dir, name);
	if (fsetxattr(fd, KEPT_XATTR, text, (size_t)n, 0) < 0)
		return err_sys(err, "keep '%s' as a device", e->from);
	return futimens(fd, times) < 0 ? err_sys(err, "set the time of '%s'", name) : 0;
}

int copy_entry_make(int dir, const char *name, const struct copy_entry *e, struct err *err)
{
	if (S_ISREG(e->st.st_mode))
		return make_file(dir, name, e, err);
	if (S_ISLNK(e->st.st_mode))
		return make_symlink(dir, name, e, err);
	if (e->kept && (S_ISCHR(e->st.st_mode) || S_ISBLK(e->st.st_mode)))
		return make_kept(dir, name, e, err);
	if (!S_ISFIFO(e->st.st_mode))
		return err_set(err, -EPERM,
			"'%s' is a device: an image built without root cannot hold one", e->from);
	if (mkfifoat(dir, name, e->st.st_mode & 07777) < 0)
		return fs_err(err, dir, name);
	return finish(dir, name, &e->st, err);
}
