/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container changed: its upper directory compared with the layers below, in the on-disk form that
 * both drivers share (docs/formats.md). The walk goes down all layers at once, by descriptor and without
 * following symlinks; it only reads, so the container may run.
 *
 * A directory that is in both is changed when its owner, mode or time is, or when something in it came or
 * went. Targets that sbx itself makes for its mounts are no change.
 */
#include "rootfs/rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/facts.h"
#include "base/own.h"
#include "base/xalloc.h"

#define DEPTH_MAX 256
#define OPAQUE    "user.overlay.opaque"
#define WHITEOUT  "user.overlay.whiteout"

struct walk {
	const struct rootfs_changes *changes;
	struct buf path; /* of the present directory, "" for the root */
	int depth;
	struct facts facts; /* beside the upper directory */
};

/* One directory: in the container, and in the layers that have it, topmost first. */
struct level {
	int upper;
	int *lower;
	size_t n;
	bool told;   /* something below it */
	bool came;   /* an entry was added or deleted */
	bool hidden; /* a target of ours was left out */
};

struct entry {
	const char *name;
	struct stat st, lower;
	bool below; /* it is in the image: `lower` is filled */
};

static void level_done(struct level *l)
{
	while (l->n)
		(void)close(l->lower[--l->n]); /* only read */
	free(l->lower);
	fd_drop(&l->upper);
}
#define autolevel __attribute__((cleanup(level_done)))

static void add_lower(struct level *l, int adopt_fd)
{
	l->lower = xreallocarray(l->lower, l->n + 1, sizeof(*l->lower));
	l->lower[l->n++] = adopt_fd;
}

static int open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* 'y', 'x' (whiteouts by xattr are in it) or 0. facts: of the upper directory, NULL for those below. */
static char opaque_mark(const struct facts *facts, int dir)
{
	char value = 0;

	return facts_get(facts, dir, "", &(struct fact_asked){ OPAQUE, &value, 1, 0 }) == 1 ? value
											    : '\0';
}

static bool is_whiteout(const struct facts *facts, int dir, const char *name, const struct stat *st)
{
	char value[8];
	struct fact_asked mark = { WHITEOUT, value, sizeof(value), 0 };

	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(0, 0);
	if (!S_ISREG(st->st_mode) || st->st_size > 0 || opaque_mark(facts, dir) != 'x')
		return false;
	return facts_get(facts, dir, name, &mark) >= 0;
}

/* Is there such an entry in the image? The topmost layer that has the name decides. */
static bool in_image(const struct level *l, const char *name, struct stat *ret)
{
	for (size_t i = 0; i < l->n; i++)
		if (fstatat(l->lower[i], name, ret, AT_SYMLINK_NOFOLLOW) == 0)
			return !is_whiteout(NULL, l->lower[i], name, ret);
	return false;
}

/* The directories of the layers that together are the image's. */
static int descend(const struct level *l, const char *name, struct level *ret, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		struct stat st;
		int fd;

		if (fstatat(l->lower[i], name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			return 0;
		fd = open_dir(l->lower[i], name);
		if (fd < 0)
			return err_sys(err, "open '%s' of a layer", name);
		add_lower(ret, fd);
		if (opaque_mark(NULL, fd) == 'y')
			return 0;
	}
	return 0;
}

static char *path_of(const struct walk *w, const char *name)
{
	return xasprintf("%s/%s", w->path.len ? w->path.data : "", name);
}

static int tell(struct walk *w, struct level *l, char kind, const char *name, struct err *err)
{
	autofree char *path = path_of(w, name);

	l->told = true;
	l->came = l->came || kind != 'C';
	return w->changes->fn(w->changes->data, kind, path, err);
}

/* What sbx makes so that it can mount there. */
static bool is_target(const struct walk *w, const char *name)
{
	static const char *const targets[] = { "/proc", "/sys", "/dev", "/etc/hosts",
		"/etc/hostname", "/etc/resolv.conf" };
	autofree char *path = path_of(w, name);

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (strcmp(path, targets[i]) == 0)
			return true;
	return false;
}

static int walk_level(struct walk *w, struct level *l, struct err *err);

/* Fills `below` with what is in the directory, and tells it. */
static int walk_subdir(struct walk *w, const struct level *l, const struct entry *e,
	struct level *below, struct err *err)
{
	size_t len = w->path.len;
	int r;

	below->upper = open_dir(l->upper, e->name);
	if (below->upper < 0)
		return err_sys(err, "open '%s'", e->name);
	if (w->depth >= DEPTH_MAX)
		return err_set(err, -ELOOP, "directories are nested too deeply");
	if (e->below)
		TRY(descend(l, e->name, below, err));
	w->depth++;
	buf_addf(&w->path, "/%s", e->name);
	r = walk_level(w, below, err);
	w->path.data[len] = '\0';
	w->path.len = len;
	w->depth--;
	return r;
}

/* Making our targets changes the time of the directory they are in. */
static bool differs(const struct entry *e, const struct level *below)
{
	const struct stat *a = &e->st, *b = &e->lower;

	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return true;
	return !below->hidden &&
	       (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec);
}

static int walk_dir(struct walk *w, struct level *l, const struct entry *e, struct err *err)
{
	autolevel struct level below = { .upper = -EBADF };

	TRY(walk_subdir(w, l, e, &below, err));
	l->told = l->told || below.told;
	if (e->below && S_ISDIR(e->lower.st_mode))
		return below.came || differs(e, &below) ? tell(w, l, 'C', e->name, err) : 0;
	if (e->below)
		return tell(w, l, 'C', e->name, err);
	if (below.told || !below.hidden)
		return tell(w, l, 'A', e->name, err);
	l->hidden = true; /* made for a target of ours */
	return 0;
}

static int walk_entry(struct walk *w, struct level *l, const char *name, struct err *err)
{
	struct entry e = { .name = name };

	if (fstatat(l->upper, name, &e.st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "look at '%s'", name); /* just gone */
	e.below = in_image(l, name, &e.lower);
	if (is_whiteout(&w->facts, l->upper, name, &e.st))
		return e.below ? tell(w, l, 'D', name, err) : 0;
	if (!e.below && is_target(w, name)) {
		l->hidden = true;
		return 0;
	}
	if (S_ISDIR(e.st.st_mode))
		return walk_dir(w, l, &e, err);
	return tell(w, l, e.below ? 'C' : 'A', name, err);
}

/* An opaque directory hides what the layers have and it has not. */
static int walk_hidden(struct walk *w, struct level *l, const char *name, struct err *err)
{
	struct stat st;

	if (fstatat(l->upper, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || !in_image(l, name, &st))
		return 0;
	return tell(w, l, 'D', name, err);
}

typedef int (*name_fn)(struct walk *w, struct level *l, const char *name, struct err *err);

static int each_name(struct walk *w, struct level *l, int dir, name_fn fn, struct err *err)
{
	int again = open_dir(dir, ".");
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */

	if (!stream)
		return err_sys(err, "list '%s'", w->path.len ? w->path.data : "/");
	for (;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(stream);
		if (!e)
			return errno ? err_sys(err, "list '%s'", w->path.data) : 0;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			TRY(fn(w, l, e->d_name, err));
	}
}

static int walk_level(struct walk *w, struct level *l, struct err *err)
{
	TRY(each_name(w, l, l->upper, walk_entry, err));
	if (opaque_mark(&w->facts, l->upper) != 'y')
		return 0;
	for (size_t i = 0; i < l->n; i++)
		TRY(each_name(w, l, l->lower[i], walk_hidden, err));
	return 0;
}

static int open_layers(const struct rootfs_changes *changes, struct level *root, struct err *err)
{
	for (size_t i = changes->layers->n; i-- > 0;) {
		int fd = open_dir(AT_FDCWD, changes->layers->v[i]);

		if (fd < 0)
			return err_sys(err, "open layer '%s'", changes->layers->v[i]);
		add_lower(root, fd);
		if (opaque_mark(NULL, fd) == 'y')
			break;
	}
	return 0;
}

int rootfs_changes(const struct rootfs_changes *changes, struct err *err)
{
	const char *own = changes->name ? changes->name : "upper";
	autolevel struct level root = { .upper = open_dir(changes->container, own) };
	struct walk w = { .changes = changes };
	int r;

	if (root.upper < 0)
		return errno == ENOENT ? 0 : err_sys(err, "open the container's own layer");
	r = facts_read(&w.facts, changes->container, own);
	if (r < 0)
		return err_set(err, r, "read '%s" FACT_SUFFIX "': %s", own, strerror(-r));
	r = open_layers(changes, &root, err);
	if (r >= 0)
		r = walk_level(&w, &root, err);
	facts_done(&w.facts);
	buf_done(&w.path);
	return r;
}
