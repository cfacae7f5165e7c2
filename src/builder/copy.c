/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copying into an image. The destination that the instruction names is followed through symlinks inside the
 * root; below it a name is what it is: another kind of thing there is replaced, except that a symlink to a
 * directory serves as that directory. Nothing is written through a file that exists. Names of one file become
 * hard links of what its first name was copied to.
 */
#include "builder/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "builder/copy_archive.h"
#include "builder/copy_file.h"
#include "builder/copy_links.h"
#include "builder/copy_list.h"
#include "builder/copy_meta.h"

#define PARENT_MODE 0755

struct copier {
	int root, source;
	const struct copy_plan *plan;
	uid_t uid; /* of --chown, or 0 */
	gid_t gid;
	bool chown;          /* owners are not those of the source */
	bool into;           /* dest is a directory */
	bool made_dest;      /* and was not there before */
	char dest[PATH_MAX]; /* resolved */
	char *parent;        /* the directory behind parent_fd */
	int parent_fd;
	struct copy_links links;
};

static void drop_parent(struct copier *c)
{
	free(c->parent);
	c->parent = NULL;
	fd_drop(&c->parent_fd);
}

static void copier_done(struct copier *c)
{
	drop_parent(c);
	copy_links_done(&c->links);
}

bool copy_is_remote(const char *source)
{
	static const char *const schemes[] = { "http://", "https://", "git://", "ssh://", "git@" };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
		if (strncmp(source, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static struct timespec clamp(const struct copier *c, struct timespec t)
{
	int64_t epoch = c->plan->epoch;

	if (epoch >= 0 && t.tv_sec >= epoch)
		return (struct timespec){ .tv_sec = epoch };
	return t;
}

/* ---- directories on the way ---- */

static int make_dir(struct copier *c, int dir, const char *name, bool *ret_made, struct err *err)
{
	struct timespec now = { 0 };
	struct timespec times[2];

	*ret_made = mkdirat(dir, name, PARENT_MODE) == 0;
	if (!*ret_made)
		return errno == EEXIST ? 0 : fs_err(err, dir, name);
	(void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail */
	times[0] = times[1] = clamp(c, now);
	TRY(copy_set_owner(dir, name, c->uid, c->gid, err));
	if (fchmodat(dir, name, PARENT_MODE, 0) < 0 ||
		utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, "make the directory '%s'", name);
	return 0;
}

/* Opens a directory whose path has no symlink, making what is missing. */
static int open_dirs(struct copier *c, const char *path, bool *ret_made, struct err *err)
{
	autofree char *copy = xstrdup(path);
	autofd int fd = fcntl(c->root, F_DUPFD_CLOEXEC, 3);
	char *rest = copy, *name;

	*ret_made = false;
	while (fd >= 0 && (name = strsep(&rest, "/"))) {
		int next;

		if (!*name)
			continue;
		TRY(make_dir(c, fd, name, ret_made, err));
		next = openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0 && (errno == ENOTDIR || errno == ELOOP))
			return err_set(err, -ENOTDIR, "cannot copy to non-directory: %s", path);
		fd_drop(&fd);
		fd = next;
	}
	return fd < 0 ? err_sys(err, "open '%s'", path) : move_fd(&fd);
}

/* The directory that holds path, borrowed; kept for the next one. */
static int parent_of(struct copier *c, const char *path, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	autofree char *parent = xstrndup(path, (size_t)(slash - path));
	char real[PATH_MAX];
	bool made;
	int fd;

	*ret_name = slash + 1;
	if (c->parent && strcmp(c->parent, parent) == 0)
		return c->parent_fd;
	TRY(fs_resolve_in(c->root, *parent ? parent : "/", real, err));
	fd = open_dirs(c, real, &made, err);
	TRY(fd);
	drop_parent(c);
	c->parent_fd = fd;
	c->parent = move_ptr(&parent);
	return fd;
}

/* ---- what the destination is ---- */

static bool says_directory(const char *dest)
{
	size_t n = strlen(dest);

	return n == 0 || dest[n - 1] == '/' || strcmp(dest, ".") == 0 || strcmp(dest, "..") == 0 ||
	       (n > 1 && strcmp(dest + n - 2, "/.") == 0) ||
	       (n > 2 && strcmp(dest + n - 3, "/..") == 0);
}

static bool is_directory(int root, const char *path)
{
	struct err none = ERR_INIT;
	autofd int fd = fs_open_in(root, path, O_PATH | O_DIRECTORY, 0, &none);

	return fd >= 0;
}

static int find_dest(struct copier *c, const struct copy_list *list, bool archive, struct err *err)
{
	const char *dest = c->plan->words->dest;
	const char *workdir = c->plan->workdir ? c->plan->workdir : "/";
	autofree char *path = *dest == '/' ? xstrdup(dest) : xasprintf("%s/%s", workdir, dest);
	autofd int fd = -EBADF;

	TRY(fs_resolve_in(c->root, path, c->dest, err));
	c->into = archive || c->plan->into || says_directory(dest) || list->tops > 1 ||
		  list->has_dirs || is_directory(c->root, c->dest);
	if (!c->into)
		return 0;
	fd = open_dirs(c, c->dest, &c->made_dest, err);
	return fd < 0 ? fd : 0;
}

/* ---- items ---- */

static void owner_of(const struct copier *c, struct stat *st)
{
	if (!c->chown)
		return;
	st->st_uid = c->uid;
	st->st_gid = c->gid;
}

/* The item's stat as it must be in the image. */
static int wanted(
	const struct copier *c, const struct stat *from, struct stat *ret, struct err *err)
{
	const char *chmod = c->plan->words->chmod;

	*ret = *from;
	owner_of(c, ret);
	ret->st_mtim = clamp(c, from->st_mtim);
	if (chmod && !S_ISLNK(from->st_mode)) {
		mode_t mode;

		TRY(copy_mode(chmod, S_ISDIR(from->st_mode), from->st_mode, &mode, err));
		ret->st_mode = (from->st_mode & S_IFMT) | mode;
	}
	return 0;
}

static char *target_of(const struct copier *c, const char *to)
{
	const char *dest = strcmp(c->dest, "/") == 0 ? "" : c->dest;

	if (!c->into)
		return xstrdup(c->dest);
	return *to ? xasprintf("%s/%s", dest, to) : xstrdup(*dest ? dest : "/");
}

/* Whatever is at dir/name goes. */
static int make_room(struct copier *c, int dir, const char *name, struct err *err)
{
	struct stat st;

	if (c->links.n > 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		copy_links_forget(&c->links, &st);
	return fs_remove_tree(dir, name, err);
}

/* Makes dir/name a directory, unless it is one. */
static int place_dir(struct copier *c, int dir, const char *name, const char *path, struct err *err)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISDIR(st.st_mode) || (S_ISLNK(st.st_mode) && is_directory(c->root, path)))
			return 0;
		TRY(make_room(c, dir, name, err));
	}
	return mkdirat(dir, name, 0700) < 0 ? fs_err(err, dir, path) : 0;
}

/* ---- hard links ---- */

/* The directory of a path that was written before: it is there, or there is nothing to link to. */
static int open_parent(const struct copier *c, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	autofree char *parent = xstrndup(path, (size_t)(slash - path));
	struct err none = ERR_INIT;

	*ret_name = slash + 1;
	if (c->parent && strcmp(c->parent, parent) == 0)
		return fcntl(c->parent_fd, F_DUPFD_CLOEXEC, 3);
	return fs_open_in(c->root, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0, &none);
}

/* Links dir/name to what the same file was copied to. False: it is to be copied; where that cannot be either (no
 * room, say), copying it says so. */
static bool link_first(
	const struct copier *c, const struct copy_item *item, int dir, const char *name)
{
	const char *first = NULL, *first_name;
	struct stat wrote, st;
	autofd int from = -EBADF;

	if (copy_links_wants(&item->st))
		first = copy_links_find(&c->links, &item->st, &wrote);
	if (!first)
		return false;
	from = open_parent(c, first, &first_name);
	return from >= 0 && fstatat(from, first_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_dev == wrote.st_dev && st.st_ino == wrote.st_ino && S_ISREG(st.st_mode) &&
	       linkat(from, first_name, dir, name, 0) == 0;
}

/* Remembers what was copied just now, unless its source is another file than the one that was listed. */
static void note_first(
	struct copier *c, const struct copy_item *item, int dir, const char *name, const char *path)
{
	struct err none = ERR_INIT;
	struct stat source, st;
	autofd int fd = -EBADF;

	if (!copy_links_wants(&item->st))
		return;
	fd = fs_open_in(c->source, item->from, O_PATH | O_NOFOLLOW, 0, &none);
	if (fd >= 0 && fstat(fd, &source) == 0 && copy_links_same(&source, &item->st) &&
		fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		copy_links_note(&c->links, &item->st, &st, path);
}

static int copy_one(struct copier *c, const struct copy_item *item, struct err *err)
{
	autofree char *path = target_of(c, item->to);
	struct copy_entry entry = { .source = c->source, .from = item->from };
	const char *name;
	int dir;

	if (!*item->to && S_ISDIR(item->st.st_mode))
		return 0; /* the destination itself: made before, its metadata comes last */
	dir = parent_of(c, path, &name, err);
	TRY(dir);
	if (S_ISDIR(item->st.st_mode))
		return place_dir(c, dir, name, path, err);
	TRY(wanted(c, &item->st, &entry.st, err));
	TRY(make_room(c, dir, name, err));
	if (link_first(c, item, dir, name))
		return 0; /* owner, mode and time are the first's, which were made from the same */
	entry.keep_xattrs = c->plan->keep_owner;
	entry.kept = c->plan->kept;
	TRY(copy_entry_make(dir, name, &entry, err));
	note_first(c, item, dir, name, path);
	return 0;
}

/* Owners, modes and times of directories, when nothing is written into them any more. */
static int finish_dir(struct copier *c, const struct copy_item *item, struct err *err)
{
	autofree char *path = target_of(c, item->to);
	struct timespec times[2];
	struct stat st;
	const char *name;
	int dir;

	if (!S_ISDIR(item->st.st_mode) || (!*item->to && !c->made_dest) || strcmp(path, "/") == 0)
		return 0;
	TRY(wanted(c, &item->st, &st, err));
	dir = parent_of(c, path, &name, err);
	TRY(dir);
	times[0] = times[1] = st.st_mtim;
	{
		autofd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0 && (errno == ELOOP || errno == ENOTDIR))
			return 0; /* a symlink to a directory, which was there before */
		if (fd < 0)
			return err_sys(err, "open '%s'", path);
		TRY(copy_set_owner(fd, "", st.st_uid, st.st_gid, err));
		if (fchmod(fd, st.st_mode & 07777) < 0 || futimens(fd, times) < 0)
			return err_sys(err, "set the mode of '%s'", path);
	}
	return 0;
}

static int copy_inline(struct copier *c, const struct copy_inline *file, struct err *err)
{
	autofree char *path = target_of(c, file->name);
	struct copy_entry entry = { .source = -EBADF, .data = file->data };
	struct stat st = { .st_mode = S_IFREG | 0644 };
	const char *name;
	int dir = parent_of(c, path, &name, err);

	TRY(dir);
	(void)clock_gettime(CLOCK_REALTIME, &st.st_mtim); /* cannot fail */
	TRY(wanted(c, &st, &entry.st, err));
	entry.st.st_uid = c->uid;
	entry.st.st_gid = c->gid;
	TRY(fs_remove_tree(dir, name, err));
	return copy_entry_make(dir, name, &entry, err);
}

static bool unpacks(const struct copy_plan *plan)
{
	return plan->words->unpack == CHOICE_YES ||
	       (plan->is_add && plan->words->unpack != CHOICE_NO);
}

static int unpack(struct copier *c, const struct copy_item *item, struct err *err)
{
	struct archive_job job = {
		.root = c->root, .prefix = c->dest, .source = c->source, .from = item->from
	};

	job.owner = c->plan->words->chown != NULL;
	job.uid = c->uid;
	job.gid = c->gid;
	drop_parent(c);             /* the archive may replace the directory that is kept open */
	copy_links_done(&c->links); /* and any file */
	return archive_unpack(&job, err);
}

static int copy_all(struct copier *c, const struct copy_list *list, struct err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct copy_item *item = &list->items[i];
		int archive = 0;

		if (item->top && S_ISREG(item->st.st_mode) && unpacks(c->plan))
			archive = archive_is(c->source, item->from, err);
		TRY(archive);
		TRY(archive ? unpack(c, item, err) : copy_one(c, item, err));
	}
	for (size_t i = 0; i < c->plan->words->n_inlines; i++)
		TRY(copy_inline(c, &c->plan->words->inlines[i], err));
	for (size_t i = list->n; i > 0; i--)
		TRY(finish_dir(c, &list->items[i - 1], err));
	return 0;
}

static int has_archive(const struct copier *c, const struct copy_list *list, struct err *err)
{
	for (size_t i = 0; unpacks(c->plan) && i < list->n; i++) {
		const struct copy_item *item = &list->items[i];
		int is = 0;

		if (item->top && S_ISREG(item->st.st_mode))
			is = archive_is(c->source, item->from, err);
		if (is != 0)
			return is;
	}
	return 0;
}

int copy_apply(int root, int source, const struct copy_plan *plan, struct err *err)
{
	__attribute__((cleanup(copier_done))) struct copier c = { .root = root,
		.source = source,
		.plan = plan,
		.chown = plan->words->chown || !plan->keep_owner,
		.parent_fd = -EBADF };
	autocopylist struct copy_list list = { 0 };
	mode_t before = umask(0);
	int r = copy_list_new(source, plan, &list, err);

	if (r == 0 && plan->words->chown)
		r = copy_owner(root, plan->words->chown, &c.uid, &c.gid, err);
	if (r == 0)
		r = has_archive(&c, &list, err);
	if (r >= 0)
		r = find_dest(&c, &list, r > 0, err);
	if (r == 0)
		r = copy_all(&c, &list, err);
	(void)umask(before);
	return r;
}
