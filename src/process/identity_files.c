/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners of files, for the supervisor. It is in the container's mount namespace, with the host's /proc for its
 * working directory: "PID/fd/3" is a descriptor of the asking process, "self/fd/3" one of its own. Paths below
 * /proc, and those of processes in a chroot or with mounts of their own, are the kernel's alone: they mean something
 * else here.
 */
#include "process/identity_serve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/kept.h"
#include "base/own.h"

static const struct answer go_on = { .go_on = true };

static struct answer result(int64_t value)
{
	return (struct answer){ .value = value };
}

/* ---- from arguments to a descriptor ---- */

struct place {
	int dir; /* of the asking process */
	char path[4096];
	bool follow, itself; /* itself: an empty path means dir */
};

static bool in_chroot(pid_t pid)
{
	char path[32], root[8];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/root", (int)pid);
	n = readlink(path, root, sizeof(root));
	return n != 1 || root[0] != '/';
}

/* Mounts of its own, as a sandbox inside the container makes them: its names are other files. */
static bool has_own_mounts(const struct question *q)
{
	char path[32];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)q->pid);
	return stat(path, &st) < 0 || st.st_ino != q->supervisor->mounts;
}

static int open_theirs(pid_t pid, int fd)
{
	char path[48];

	if (fd == AT_FDCWD)
		(void)snprintf(path, sizeof(path), "%d/cwd", (int)pid);
	else
		(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, fd);
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Means something else to the supervisor: /dev/stdout and its like lead into /proc. */
static bool is_elsewhere(const struct question *q, const char *path)
{
	bool in_proc = strncmp(path, "/proc", 5) == 0 && (!path[5] || path[5] == '/');

	return in_proc || strncmp(path, "/dev/", 5) == 0 || in_chroot(q->pid) || has_own_mounts(q);
}

/* O_PATH of what is meant. -EXDEV: it is elsewhere; else the kernel shall say why not. */
static int open_place(const struct question *q, const struct place *place)
{
	int flags = O_PATH | O_CLOEXEC | (place->follow ? 0 : O_NOFOLLOW);
	int fd;

	if (!place->path[0])
		return place->itself ? open_theirs(q->pid, place->dir) : -ENOENT;
	if (is_elsewhere(q, place->path))
		return -EXDEV;
	if (place->path[0] == '/') {
		fd = open(place->path, flags);
		return fd < 0 ? -errno : fd;
	}
	autofd int base = open_theirs(q->pid, place->dir);
	if (base < 0)
		return -EBADF;
	fd = openat(base, place->path, flags);
	return fd < 0 ? -errno : fd;
}

static bool is_link_call(int call)
{
#ifdef SYS_lstat
	return call == SYS_lstat || call == SYS_lchown;
#else
	return false;
#endif
}

/* Which arguments of a call say what; -1: it has none. */
struct asked_at {
	int dir, path, flags;
	bool follow;
};

static int read_place(const struct question *q, struct asked_at at, struct place *ret)
{
	const int flags = at.flags, path = at.path;

	*ret = (struct place){ .dir = at.dir < 0 ? AT_FDCWD : (int)q->args[at.dir],
		.follow = at.follow };
	if (flags >= 0) {
		ret->follow = at.follow ? !(q->args[flags] & AT_SYMLINK_NOFOLLOW)
					: q->args[flags] & AT_SYMLINK_FOLLOW;
		ret->itself = q->args[flags] & AT_EMPTY_PATH;
	}
	if (path < 0) {
		ret->itself = true;
		return 0;
	}
	if (ret->itself && q->args[path] == 0)
		return 0; /* NULL is as good as "" since Linux 6.11 */
	return identity_read_path(q, q->args[path], ret->path);
}

static int open_asked(const struct question *q, int dir, int path, int flags, bool follow)
{
	struct place place;
	int fd;

	if (read_place(q, (struct asked_at){ dir, path, flags, follow }, &place) < 0)
		return -EFAULT;
	fd = open_place(q, &place);
	if (fd >= 0 && !identity_asks(q)) {
		fd_drop(&fd);
		return -ESRCH;
	}
	return fd;
}

/* ---- owners ---- */

struct proc_path {
	char text[32];
};

static struct proc_path path_of(int fd)
{
	struct proc_path path;

	(void)snprintf(path.text, sizeof(path.text), "self/fd/%d", fd);
	return path;
}

static bool can_note(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode);
}

/* *st as the kernel told it becomes what the container is shown. */
static void show(int fd, struct stat *st)
{
	struct stat kept = *st;
	char text[KEPT_MAX];
	unsigned uid, gid;
	ssize_t n;

	if (!can_note(st->st_mode))
		return;
	n = getxattr(path_of(fd).text, KEPT_XATTR, text, sizeof(text) - 1);
	if (n > 0) {
		text[n] = '\0';
		if (kept_parse(text, &kept) == 0) {
			st->st_uid = kept.st_uid;
			st->st_gid = kept.st_gid;
			if (S_ISCHR(kept.st_mode) || S_ISBLK(kept.st_mode)) {
				st->st_mode = kept.st_mode;
				st->st_rdev = kept.st_rdev;
			}
		}
	}
	n = getxattr(path_of(fd).text, OWNER_XATTR, text, sizeof(text) - 1);
	if (n <= 0)
		return;
	text[n] = '\0';
	if (sscanf(text, "%u:%u", &uid, &gid) == 2) {
		st->st_uid = uid;
		st->st_gid = gid;
	}
}

static void note(int fd, uid_t uid, gid_t gid)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%u:%u", (unsigned)uid, (unsigned)gid);

	/* Where no xattrs are kept it is forgotten, but it never changed a right either. */
	(void)setxattr(path_of(fd).text, OWNER_XATTR, text, (size_t)n, 0);
}

/* ---- stat ---- */

static struct answer answer_statx(const struct question *q, int fd, const struct stat *shown)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | ((int)q->args[2] & AT_STATX_SYNC_TYPE),
		    (unsigned)q->args[3], &stx) < 0)
		return go_on;
	stx.stx_uid = shown->st_uid;
	stx.stx_gid = shown->st_gid;
	stx.stx_mode = (uint16_t)shown->st_mode;
	stx.stx_rdev_major = major(shown->st_rdev);
	stx.stx_rdev_minor = minor(shown->st_rdev);
	return result(identity_write(q, q->args[4], &stx, sizeof(stx)));
}

struct answer identity_stat(const struct question *q)
{
	autofd int fd = -EBADF;
	unsigned out = 1;
	struct stat st;

	switch (q->call) {
	case SYS_fstat:
		fd = open_asked(q, 0, -1, -1, true);
		break;
	case SYS_newfstatat:
		fd = open_asked(q, 0, 1, 3, true);
		out = 2;
		break;
	case SYS_statx:
		fd = open_asked(q, 0, 1, 2, true);
		break;
	default: /* stat, lstat */
		fd = open_asked(q, -1, 0, -1, !is_link_call(q->call));
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !can_note(st.st_mode))
		return go_on;
	show(fd, &st);
	if (q->call == SYS_statx)
		return answer_statx(q, fd, &st);
	return result(identity_write(q, q->args[out], &st, sizeof(st)));
}

/* ---- chown ---- */

struct answer identity_chown(const struct question *q)
{
	autofd int fd = -EBADF;
	unsigned at = 1; /* of uid; gid follows */
	struct stat st;
	int r;

	if (q->call == SYS_fchown)
		fd = open_asked(q, 0, -1, -1, true);
	else if (q->call == SYS_fchownat)
		fd = open_asked(q, 0, 1, 4, true);
	else
		fd = open_asked(q, -1, 0, -1, !is_link_call(q->call));
	if (q->call == SYS_fchownat)
		at = 2;
	if (fd == -EXDEV)
		return result(0);
	if (fd < 0 || fstat(fd, &st) < 0)
		return go_on;
	show(fd, &st);
	r = identity_may_chown(
		q->who, st.st_uid, st.st_gid, (uid_t)q->args[at], (gid_t)q->args[at + 1]);
	if (r < 0)
		return result(r);
	const uid_t uid = (uid_t)q->args[at] == (uid_t)-1 ? st.st_uid : (uid_t)q->args[at];
	const gid_t gid = (gid_t)q->args[at + 1] == (gid_t)-1 ? st.st_gid : (gid_t)q->args[at + 1];
	if (can_note(st.st_mode) && (uid != st.st_uid || gid != st.st_gid))
		note(fd, uid, gid);
	return result(0);
}

/* ---- what is made ---- */

/* The directory of a path, opened, and the name in it, which the caller frees; -1. */
static int open_parent(const struct question *q, int dir, int path, char **ret_name)
{
	struct place place;
	char *slash;
	int fd;

	if (read_place(q, (struct asked_at){ dir, path, -1, true }, &place) < 0 || !place.path[0] ||
		is_elsewhere(q, place.path))
		return -EXDEV;
	slash = strrchr(place.path, '/');
	*ret_name = strdup(slash ? slash + 1 : place.path);
	if (slash && slash != place.path)
		*slash = '\0';
	else
		(void)snprintf(place.path, sizeof(place.path), slash ? "/" : ".");
	fd = *ret_name && **ret_name ? open_place(q, &place) : -EINVAL;
	if (fd >= 0 && !identity_asks(q))
		fd_drop(&fd);
	return fd;
}

/* The asking process's, which nothing else tells. */
static mode_t umask_of(pid_t pid)
{
	autofree char *text = NULL;
	struct err ignored = ERR_INIT;
	char path[32];
	const char *line;

	(void)snprintf(path, sizeof(path), "%d/status", (int)pid);
	if (fs_read_at(AT_FDCWD, path, 65536, &text, NULL, &ignored) < 0)
		return 0022;
	line = strstr(text, "\nUmask:");
	return line ? (mode_t)strtoul(line + 7, NULL, 8) & 0777 : 0022;
}

/* A regular file that says it is a device, as unpacking makes of those of an image. Where nothing can say so (no
 * xattrs; the driver fuse, which keeps that one to itself) it is forgotten, as owners are: installers go on. */
static int make_device(int dir, const char *name, mode_t mode, dev_t rdev)
{
	const struct stat st = { .st_mode = mode, .st_rdev = rdev };
	autofd int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char text[KEPT_MAX];
	int n = kept_format(text, &st);

	if (fd < 0)
		return -errno;
	if (fsetxattr(fd, KEPT_XATTR, text, (size_t)n, 0) == 0)
		return 0;
	n = errno;
	(void)unlinkat(dir, name, 0); /* it must not stay as something else */
	return n == EOPNOTSUPP ? 0 : -EPERM;
}

struct answer identity_mknod(const struct question *q)
{
	bool at = q->call == SYS_mknodat;
	autofree char *name = NULL;
	autofd int dir = -EBADF;

	if (q->who->uid[IDENTITY_EFFECTIVE] != 0)
		return result(-EPERM);
	dir = open_parent(q, at ? 0 : -1, at ? 1 : 0, &name);
	if (dir < 0)
		return go_on;
	return result(make_device(dir, name, (mode_t)q->args[at ? 2 : 1] & ~umask_of(q->pid),
		(dev_t)(unsigned)q->args[at ? 3 : 2]));
}

static void drop(struct pending *p)
{
	fd_drop(&p->dir);
	free(p->name);
	p->name = NULL;
}

/* It ends without asking anything more. */
static bool has_ended(pid_t pid)
{
	char path[16];

	(void)snprintf(path, sizeof(path), "%d", (int)pid);
	return faccessat(AT_FDCWD, path, F_OK, 0) < 0 && errno == ENOENT;
}

/* What has been made belongs to its maker now. What has not, when its maker is back or dead, never will be. */
void identity_flush(struct supervisor *s, pid_t returned)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_pending; i++) {
		struct pending *p = &s->pending[i];
		autofd int fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		struct stat st;

		if (fd < 0 && p->maker != returned && !has_ended(p->maker)) {
			s->pending[kept++] = *p;
			continue;
		}
		if (fd >= 0 && fstat(fd, &st) == 0 && can_note(st.st_mode))
			note(fd, p->uid, p->gid);
		drop(p);
	}
	s->n_pending = kept;
}

void identity_expect(const struct question *q)
{
	struct supervisor *s = q->supervisor;
	bool at = q->call == SYS_openat || q->call == SYS_mkdirat;
	autofree char *name = NULL;
	autofd int dir = open_parent(q, at ? 0 : -1, at ? 1 : 0, &name);
	struct stat st;

	if (dir < 0 || s->n_pending >= IDENTITY_PENDING ||
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return;
	s->pending[s->n_pending++] = (struct pending){ .maker = q->pid,
		.dir = move_fd(&dir),
		.name = move_ptr(&name),
		.uid = q->who->uid[IDENTITY_EFFECTIVE],
		.gid = q->who->gid[IDENTITY_EFFECTIVE] };
}
