/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The receiving end of a copy. What a container sends is hostile: an entry can neither leave the target
 * nor go through a symlink, not even one that an earlier entry made. Files are made new, never written
 * through what is there; directories that exist keep their mode.
 */
#include "commands/cp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "base/strv.h"
#include "base/xalloc.h"
#include "commands/tar.h"

struct unpack {
	const struct cp_target *target;
	int top;                /* directory below which everything happens */
	char *name;             /* of the top entry there; NULL: its content goes into `top` */
	struct tar_entry *dirs; /* made here; their modes and times come last */
	size_t n_dirs;
};

static void unpack_done(struct unpack *u)
{
	for (size_t i = 0; i < u->n_dirs; i++)
		tar_entry_done(&u->dirs[i]);
	free(u->dirs);
	free(u->name);
	fd_drop(&u->top);
}

/* ---- where it goes ---- */

static bool ends_with_slash(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '/';
}

static int open_top(struct unpack *u, const char *path, struct err *err)
{
	u->top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return u->top < 0 ? err_sys(err, "destination \"%s\"", u->target->label) : 0;
}

/* A name that is not there yet, or a file to be replaced: `path` is its own place, not a link to it. */
static int use_parent(struct unpack *u, const char *path, struct err *err)
{
	autofree char *clean = xstrdup(path);
	size_t n = strlen(clean);
	char *slash;

	while (n > 1 && clean[n - 1] == '/')
		clean[--n] = '\0';
	slash = strrchr(clean, '/');
	u->name = xstrdup(slash ? slash + 1 : clean);
	if (!*u->name || strcmp(u->name, ".") == 0 || strcmp(u->name, "..") == 0)
		return err_set(err, -ENOENT, "no such directory: %s", u->target->label);
	if (slash)
		slash[slash == clean] = '\0';
	u->top = open(slash ? clean : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->top < 0)
		return err_sys(err, "no directory to copy into: %s", u->target->label);
	return 0;
}

static int use_file(struct unpack *u, const struct stat *st, bool source_is_dir, struct err *err)
{
	const struct cp_target *t = u->target;
	autofree char *real = NULL;

	if (source_is_dir)
		return err_set(err, -ENOTDIR, "cannot copy directory to a file: %s", t->label);
	if (ends_with_slash(t->path))
		return err_set(err, -ENOTDIR, "not a directory: %s", t->label);
	if (!S_ISREG(st->st_mode))
		return err_set(err, -EINVAL, "%s is neither a file nor a directory", t->label);
	real = realpath(t->path, NULL);
	return real ? use_parent(u, real, err) : err_sys(err, "%s", t->label);
}

/* Docker's table, see cp(1) of its manual. */
static int choose_target(struct unpack *u, const struct tar_entry *first, struct err *err)
{
	const struct cp_target *t = u->target;
	bool is_dir = first->type == TAR_DIR;
	struct stat st;

	if (stat(t->path, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return use_file(u, &st, is_dir, err);
		if (!is_dir || !t->content)
			u->name = cp_base(first->path);
		if (u->name && strcmp(u->name, ".") == 0) {
			free(u->name);
			u->name = NULL;
		}
		return open_top(u, t->path, err);
	}
	if (errno != ENOENT)
		return err_sys(err, "destination \"%s\"", t->label);
	if (!is_dir && ends_with_slash(t->path))
		return err_set(err, -ENOENT, "no such directory: %s", t->label);
	return use_parent(u, t->path, err);
}

static int choose_stream_target(struct unpack *u, struct err *err)
{
	struct stat st;

	if (stat(u->target->path, &st) < 0)
		return err_sys(err, "destination \"%s\"", u->target->label);
	if (!S_ISDIR(st.st_mode))
		return err_set(
			err, -ENOTDIR, "destination \"%s\" must be a directory", u->target->label);
	return open_top(u, u->target->path, err);
}

/* The steps from `top` to an entry, none of them "..". None at all: the target itself. */
static int steps_of(const struct unpack *u, const char *path, struct strv *ret, struct err *err)
{
	bool first = !u->target->stream;

	if (u->name)
		strv_add(ret, u->name);
	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/");
		autofree char *step = xstrndup(s, n);

		s += n + (s[n] == '/');
		if (strcmp(step, "..") == 0)
			return err_set(
				err, -EPERM, "the archive's entry '%s' leads out of it", path);
		if (first) {
			first = false; /* the packer's own name for the top, replaced by ours */
			continue;
		}
		if (*step && strcmp(step, ".") != 0)
			strv_add(ret, step);
	}
	return 0;
}

/* One directory further. Inside, where "/" is the container's, a symlink may be on the way, as on
 * systems whose /bin is one; on the host never. */
static int step_into(const struct unpack *u, int dir, const char *name, struct err *err)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (u->target->strip ? O_NOFOLLOW : 0);
	int fd = openat(dir, name, flags);

	if (fd < 0 && errno == ENOENT && mkdirat(dir, name, 0755) == 0)
		fd = openat(dir, name, flags | O_NOFOLLOW);
	return fd < 0 ? err_sys(err, "enter '%s'", name) : fd;
}

/* The directory of the last step. */
static int open_parent(const struct unpack *u, const struct strv *steps, struct err *err)
{
	autofd int dir = openat(u->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_sys(err, "open the destination");
	for (size_t i = 0; i + 1 < steps->n; i++) {
		int next = step_into(u, dir, steps->v[i], err);

		if (next < 0)
			return next;
		fd_drop(&dir);
		dir = next;
	}
	return move_fd(&dir);
}

/* ---- making one entry ---- */

struct place {
	int dir;
	const char *name;
};

/* EINVAL: an id that is not mapped here (a single id): the file stays ours. */
static int give_owner(
	const struct unpack *u, const struct place *at, const struct tar_entry *e, struct err *err)
{
	if (!u->target->own)
		return 0;
	if (fchownat(at->dir, at->name, (uid_t)e->uid, (gid_t)e->gid, AT_SYMLINK_NOFOLLOW) < 0 &&
		errno != EINVAL && errno != EOVERFLOW)
		return err_sys(err, "set the owner of '%s'", at->name);
	return 0;
}

static int set_time(const struct place *at, const struct tar_entry *e, struct err *err)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, e->mtime };

	if (utimensat(at->dir, at->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "set the time of '%s'", at->name);
	return 0;
}

static mode_t mode_of(const struct unpack *u, const struct tar_entry *e)
{
	return u->target->strip ? e->mode & 01777 : e->mode & 07777;
}

/* 1: there is something that cannot be taken away (a mount): to be written into. */
static int make_way(const struct place *at, struct err *err)
{
	struct stat st;

	if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%s'", at->name);
	if (S_ISDIR(st.st_mode))
		return err_set(err, -EISDIR, "cannot overwrite directory \"%s\" with non-directory",
			at->name);
	if (unlinkat(at->dir, at->name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EBUSY && S_ISREG(st.st_mode))
		return 1;
	return err_sys(err, "replace '%s'", at->name);
}

static int make_file(const struct unpack *u, const struct place *at, const struct tar_entry *e,
	struct tar_reader *reader, struct err *err)
{
	int mounted = make_way(at, err);
	autofd int out = -EBADF;

	TRY(mounted);
	out = openat(at->dir, at->name,
		O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
			(mounted ? O_TRUNC : O_CREAT | O_EXCL),
		0600);
	if (out < 0)
		return fs_err(err, at->dir, at->name);
	if (tar_read_data(reader, out, err) < 0)
		return err_wrap(err, "write '%s'", at->name);
	if (mounted)
		return 0;
	TRY(give_owner(u, at, e, err));
	if (fchmod(out, mode_of(u, e)) < 0)
		return err_sys(err, "set the mode of '%s'", at->name);
	return set_time(at, e, err);
}

static void finish_later(struct unpack *u, const struct tar_entry *e)
{
	u->dirs = xreallocarray(u->dirs, u->n_dirs + 1, sizeof(*u->dirs));
	u->dirs[u->n_dirs] = *e;
	u->dirs[u->n_dirs].path = xstrdup(e->path);
	u->dirs[u->n_dirs++].link = NULL;
}

static int make_dir(
	struct unpack *u, const struct place *at, const struct tar_entry *e, struct err *err)
{
	struct stat st;

	if (mkdirat(at->dir, at->name, 0700) == 0) {
		finish_later(u, e);
		return give_owner(u, at, e, err);
	}
	if (errno != EEXIST)
		return fs_err(err, at->dir, at->name);
	if (fstatat(at->dir, at->name, &st, u->target->strip ? AT_SYMLINK_NOFOLLOW : 0) == 0 &&
		S_ISDIR(st.st_mode))
		return 0;
	return err_set(
		err, -ENOTDIR, "cannot overwrite non-directory \"%s\" with directory", at->name);
}

static int make_symlink(
	const struct unpack *u, const struct place *at, const struct tar_entry *e, struct err *err)
{
	int r = make_way(at, err);

	TRY(r);
	if (r > 0)
		return err_set(err, -EBUSY, "'%s' is a mount and stays", at->name);
	if (symlinkat(e->link, at->dir, at->name) < 0)
		return fs_err(err, at->dir, at->name);
	TRY(give_owner(u, at, e, err));
	return set_time(at, e, err);
}

static int make_hardlink(
	const struct unpack *u, const struct place *at, const struct tar_entry *e, struct err *err)
{
	autostrv struct strv steps = STRV_INIT;
	autofd int dir = -EBADF;

	TRY(steps_of(u, e->link, &steps, err));
	if (steps.n == 0)
		return err_set(err, -EINVAL, "'%s' is a link to nothing", e->path);
	dir = open_parent(u, &steps, err);
	TRY(dir);
	TRY(make_way(at, err));
	if (linkat(dir, steps.v[steps.n - 1], at->dir, at->name, 0) < 0)
		return err_sys(err, "link '%s' to '%s'", e->path, e->link);
	return 0;
}

static int make_entry(
	struct unpack *u, struct tar_reader *reader, const struct tar_entry *e, struct err *err)
{
	autostrv struct strv steps = STRV_INIT;
	autofd int dir = -EBADF;
	struct place at;

	TRY(steps_of(u, e->path, &steps, err));
	if (steps.n == 0)
		return 0; /* the target itself: it is there, and keeps its mode */
	dir = open_parent(u, &steps, err);
	if (dir < 0)
		return err_wrap(err, "'%s'", e->path);
	at = (struct place){ dir, steps.v[steps.n - 1] };
	switch (e->type) {
	case TAR_FILE:
		return make_file(u, &at, e, reader, err);
	case TAR_DIR:
		return make_dir(u, &at, e, err);
	case TAR_SYMLINK:
		return make_symlink(u, &at, e, err);
	case TAR_HARDLINK:
		return make_hardlink(u, &at, e, err);
	case TAR_OTHER:
		log_msg(LOG_WARN, "'%s' is a device or a FIFO: not copied", e->path);
		return 0;
	}
	return 0;
}

/* Children before parents: what is made in a directory changes its time, and needs its write bit. */
static int finish_dirs(const struct unpack *u, struct err *err)
{
	for (size_t i = u->n_dirs; i-- > 0;) {
		const struct tar_entry *e = &u->dirs[i];
		autostrv struct strv steps = STRV_INIT;
		autofd int dir = -EBADF, self = -EBADF;

		TRY(steps_of(u, e->path, &steps, err));
		dir = open_parent(u, &steps, err);
		TRY(dir);
		self = openat(
			dir, steps.v[steps.n - 1], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (self < 0 || fchmod(self, mode_of(u, e)) < 0)
			return err_sys(err, "set the mode of '%s'", e->path);
		TRY(set_time(&(struct place){ dir, steps.v[steps.n - 1] }, e, err));
	}
	return 0;
}

int cp_unpack(const struct cp_target *target, int in, int64_t *ret_bytes, struct err *err)
{
	__attribute__((cleanup(unpack_done))) struct unpack u = { .target = target, .top = -EBADF };
	struct tar_reader reader = { .in = in };

	if (target->stream)
		TRY(choose_stream_target(&u, err));
	for (;;) {
		autotarentry struct tar_entry e = { 0 };
		int r = tar_read_entry(&reader, &e, err);

		TRY(r);
		if (r == 0)
			break;
		if (u.top < 0)
			TRY(choose_target(&u, &e, err));
		TRY(make_entry(&u, &reader, &e, err));
	}
	TRY(finish_dirs(&u, err));
	TRY(tar_drain(&reader, err));
	*ret_bytes = reader.total;
	return 0;
}
