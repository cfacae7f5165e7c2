/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes one entry after another. What stands in the way of an entry is removed, never written
 * through: each file is created by O_EXCL, so a second entry of the same name gets its own inode and
 * an old hard link keeps its contents.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/own.h"
#include "image/unpack.h"
#include "image/unpack_copy.h"

#define DIRS_MAX  1000000
#define EARLY_MIN 65536

void writer_init(struct writer *w, int root, const struct idmap *map)
{
	*w = (struct writer){ .root = root, .map = map };
	walk_init(&w->walk, root);
}

void writer_done(struct writer *w)
{
	walk_done(&w->walk);
	meta_note_done(w);
}

int writer_clear(struct writer *w, int dir, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "'%s'", name);
	if (S_ISDIR(st.st_mode))
		TRY(fs_remove_tree(dir, name, err));
	else if (unlinkat(dir, name, 0) < 0)
		return err_sys(err, "replace '%s'", name);
	return 0;
}

/* The same when it may be part of a kept path. dir is then gone from the walk, so it is looked up
 * again; returns it. */
static int clear_way(
	struct writer *w, int dir, const struct unpack_entry *e, const char **base, struct err *err)
{
	TRY(writer_clear(w, dir, *base, err));
	walk_forget(&w->walk);
	return walk_parent(&w->walk, e->path, true, base, err);
}

static int make_file(
	struct writer *w, const struct unpack_entry *e, int dir, const char *base, struct err *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	mode_t mode = meta_create_mode(w, e);
	int fd = openat(dir, base, flags, mode);

	if (fd < 0 && errno == EEXIST) {
		dir = clear_way(w, dir, e, &base, err);
		TRY(dir);
		fd = openat(dir, base, flags, mode);
	}
	return fd < 0 ? fs_err(err, dir, "create it") : fd;
}

static int apply_dir(
	struct writer *w, const struct unpack_entry *e, int dir, const char *base, struct err *err)
{
	autofd int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, "open the directory '%s'", base);
	/* It may be an older one with other ideas. */
	if (fchmod(fd, e->mode & 01777) < 0)
		return err_sys(err, "set the mode");
	TRY(meta_reset_owner(w, e, fd, err));
	return meta_apply_fd(w, e, fd, err);
}

static int make_dir(
	struct writer *w, const struct unpack_entry *e, int dir, const char *base, struct err *err)
{
	bool fresh = mkdirat(dir, base, e->mode & 01777) == 0;
	bool opaque = false;
	struct stat st;

	if (!fresh && errno != EEXIST)
		return fs_err(err, dir, "create it");
	if (!fresh && fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "'%s'", base);
	if (!fresh && !S_ISDIR(st.st_mode)) {
		opaque = whiteout_is(w, dir, base);
		dir = clear_way(w, dir, e, &base, err);
		TRY(dir);
		if (mkdirat(dir, base, e->mode & 01777) < 0)
			return fs_err(err, dir, "create it");
	}
	if (!fresh || meta_needs_fd(w, e))
		TRY(apply_dir(w, e, dir, base, err));
	if (opaque)
		TRY(whiteout_name(w, dir, base, err));
	if (e->mode & S_ISGID)
		w->setgid = true;
	w->inodes += fresh;
	if (w->n_dirs >= DIRS_MAX)
		return err_set(err, -E2BIG, "the layer has more than %d directories", DIRS_MAX);
	meta_note_dir(w, e->path, e->mtime);
	return 0;
}

static int make_symlink(
	struct writer *w, const struct unpack_entry *e, int dir, const char *base, struct err *err)
{
	if (symlinkat(e->link, dir, base) < 0) {
		if (errno != EEXIST)
			return fs_err(err, dir, "create it");
		dir = clear_way(w, dir, e, &base, err);
		TRY(dir);
		if (symlinkat(e->link, dir, base) < 0)
			return fs_err(err, dir, "create it");
	}
	return meta_apply_at(w, e, dir, base, err);
}

static int make_fifo(
	struct writer *w, const struct unpack_entry *e, int dir, const char *base, struct err *err)
{
	mode_t mode = S_IFIFO | (e->mode & 0777);

	if (mknodat(dir, base, mode, 0) < 0) {
		if (errno != EEXIST)
			return fs_err(err, dir, "create it");
		dir = clear_way(w, dir, e, &base, err);
		TRY(dir);
		if (mknodat(dir, base, mode, 0) < 0)
			return fs_err(err, dir, "create it");
	}
	return meta_apply_at(w, e, dir, base, err);
}

/* The file a hard link names, as an O_PATH descriptor: of this layer, itself not a link's target. */
static int open_target(
	struct writer *w, const struct unpack_entry *e, struct stat *st, struct err *err)
{
	autofree char *clean = NULL;
	const char *base;
	int dir, fd;

	if (path_clean(e->link, &clean, err) < 0)
		return err_wrap(err, "hard link");
	dir = walk_parent(&w->walk, clean, false, &base, err);
	if (dir < 0)
		return err_wrap(err, "hard link to '%.200s'", e->link);
	fd = openat(dir, base, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0)
		return err_sys(err, "hard link to '%.200s'", e->link);
	if (S_ISDIR(st->st_mode) || S_ISCHR(st->st_mode)) {
		(void)close(fd);
		return err_set(err, -EINVAL, "hard link to '%.200s', which is not a file", e->link);
	}
	return fd;
}

/* linkat() by descriptor needs a capability over the whole system, so the target is named again, by
 * its directory. */
static int make_hardlink(struct writer *w, const struct unpack_entry *e, struct err *err)
{
	autofree char *clean = NULL;
	autofd int target = -EBADF, target_dir = -EBADF;
	const char *base, *target_base;
	struct stat st, old;
	int dir;

	target = open_target(w, e, &st, err);
	TRY(target);
	TRY(path_clean(e->link, &clean, err));
	dir = walk_parent(&w->walk, clean, false, &target_base, err);
	TRY(dir);
	target_dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	dir = walk_parent(&w->walk, e->path, true, &base, err);
	TRY(dir);
	if (fstatat(dir, base, &old, AT_SYMLINK_NOFOLLOW) == 0) {
		if (old.st_dev == st.st_dev && old.st_ino == st.st_ino)
			return 0; /* a link to itself */
		dir = clear_way(w, dir, e, &base, err);
		TRY(dir);
	}
	if (linkat(target_dir, target_base, dir, base, 0) == 0)
		return 0;
	if (unpack_no_links(errno))
		return unpack_copy_file(target_dir, target_base, dir, base, err);
	return fs_err(err, dir, "create it");
}

static int skip_device(struct writer *w, const struct unpack_entry *e)
{
	/* Nobody misses those of /dev: every container gets its own. */
	if (w->warned_device || strncmp(e->path, "dev/", 4) == 0)
		return 0;
	log_msg(LOG_WARN,
		"device nodes of the image are left out: only root can make them "
		"(first: %.200s)",
		e->path);
	w->warned_device = true;
	return 0;
}

static int root_entry(struct writer *w, const struct unpack_entry *e, struct err *err)
{
	struct unpack_entry root = *e;

	if (e->type != UNPACK_DIR)
		return err_set(err, -EINVAL, "the layer's root is not a directory");
	root.mode = (e->mode & 0777) | 0700;
	if (fchmod(w->root, root.mode) < 0)
		return err_sys(err, "set the mode of the root");
	TRY(meta_apply_fd(w, &root, w->root, err));
	meta_note_dir(w, "", e->mtime);
	return 0;
}

/* By what it says it has: nothing of a bomb is written. */
static int check_limit(const struct writer *w, const struct unpack_entry *e, struct err *err)
{
	if (w->limit <= 0 || (e->size >= 0 && e->size <= w->limit - w->bytes))
		return 0;
	return err_id(err, -EFBIG, "E-LAYER-SIZE",
		"the layer unpacks to more than the %lld bytes that \"maxLayerSize\" in config.json "
		"allows. Nothing of it was kept",
		(long long)w->limit);
}

static int make_entry(struct writer *w, const struct unpack_entry *e, int *ret_fd, struct err *err)
{
	const char *base;
	int dir = walk_parent(&w->walk, e->path, true, &base, err);
	int fd;

	TRY(dir);
	switch (e->type) {
	case UNPACK_FILE:
		TRY(check_limit(w, e, err));
		fd = make_file(w, e, dir, base, err);
		TRY(fd);
		*ret_fd = fd;
		break;
	case UNPACK_DIR:
		return make_dir(w, e, dir, base, err);
	case UNPACK_SYMLINK:
		TRY(make_symlink(w, e, dir, base, err));
		break;
	case UNPACK_FIFO:
		TRY(make_fifo(w, e, dir, base, err));
		break;
	case UNPACK_HARDLINK:
	case UNPACK_DEVICE:
		break;
	}
	w->inodes++;
	return 0;
}

static int hide(struct writer *w, const struct unpack_entry *e, enum whiteout what,
	const char *name, struct err *err)
{
	const char *base;
	int dir = walk_parent(&w->walk, e->path, true, &base, err);

	TRY(dir);
	w->inodes++;
	return what == WHITEOUT_OPAQUE ? whiteout_opaque(w, dir, err)
				       : whiteout_name(w, dir, name, err);
}

static int dispatch(struct writer *w, const struct unpack_entry *e, int *ret_fd, struct err *err)
{
	const char *hidden = NULL;
	enum whiteout what = WHITEOUT_NONE;

	if (!e->path[0])
		return meta_check_owner(w, e, err) < 0 ? err->code : root_entry(w, e, err);
	if (!w->literal)
		TRY(whiteout_parse(e->path, e->type, &what, &hidden, err));
	if (what == WHITEOUT_IGNORE)
		return 0;
	if (what != WHITEOUT_NONE)
		return hide(w, e, what, hidden, err);
	if (e->type == UNPACK_DEVICE)
		return skip_device(w, e);
	if (e->type == UNPACK_HARDLINK)
		return make_hardlink(w, e, err);
	TRY(meta_check_owner(w, e, err));
	return make_entry(w, e, ret_fd, err);
}

int writer_entry(struct writer *w, const struct unpack_entry *e, int *ret_fd, struct err *err)
{
	autofree char *clean = NULL;
	struct unpack_entry entry = *e;

	*ret_fd = -EBADF;
	TRY(path_clean(e->path, &clean, err));
	entry.path = clean;
	if (dispatch(w, &entry, ret_fd, err) < 0)
		return err_wrap(err, "'%.120s'", e->path);
	return 0;
}

int writer_data(int fd, const struct unpack_entry *e, const void *data, size_t len, int64_t offset,
	struct err *err)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = pwrite(fd, at, len, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fs_err(err, fd, e->path);
		at += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Every time after the data: writing changes the time and clears set-id bits and capabilities. */
int writer_end_file(struct writer *w, const struct unpack_entry *e, int fd, struct err *err)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, e->mtime };
	struct stat st;

	if (times[1].tv_nsec < 0 || times[1].tv_nsec > 999999999)
		times[1].tv_nsec = 0;
	TRY(meta_apply_fd(w, e, fd, err));
	if (futimens(fd, times) < 0)
		return err_sys(err, "set the time of '%.200s'", e->path);
	if (fstat(fd, &st) < 0)
		return err_sys(err, "'%.200s'", e->path);
	w->bytes += st.st_size;
	/* A hint: what is on its way already, the sync at the end need not wait for. */
	if (w->write_early && st.st_size >= EARLY_MIN)
		(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

int writer_finish(struct writer *w, struct err *err)
{
	w->inodes += w->walk.created;
	return meta_dir_times(w, err);
}
