/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name in the archive to a directory descriptor that is certainly inside the layer. Every step
 * opens one component with O_NOFOLLOW, so nothing but this file ever follows a symlink, and it does so
 * with the layer as "/" and never above it. No other process writes below the layer's directory and
 * nothing in it is renamed; therefore ".." from a directory inside is again inside.
 *
 * No path is ever handed to the kernel as a whole: names longer than PATH_MAX work, and a chain of
 * links cannot make a check and its use see different things.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "image/unpack.h"

#define LINKS_MAX   40          /* as the kernel */
#define PENDING_MAX (64u << 10) /* bytes of path still to walk, link targets included */
#define NAME_LIMIT  255

void walk_init(struct walk *walk, int root)
{
	*walk = (struct walk){ .root = root, .deep = -EBADF };
}

static void walk_cut(struct walk *walk, int depth)
{
	while (walk->depth > depth) {
		walk->depth--;
		fd_drop(&walk->fd[walk->depth]);
		free(walk->name[walk->depth]);
	}
}

void walk_forget(struct walk *walk)
{
	walk_cut(walk, 0);
	fd_drop(&walk->deep);
}

void walk_done(struct walk *walk)
{
	walk_forget(walk);
}

/* One component's length; *s is moved to it. 0 = end. */
static size_t component(const char **s)
{
	while (**s == '/')
		(*s)++;
	return strcspn(*s, "/");
}

static bool dots(const char *s, size_t n)
{
	return (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

int path_clean(const char *path, char **ret, struct err *err)
{
	autofree char *clean = xmalloc(strlen(path) + 1);
	size_t at = 0;

	for (const char *s = path; *s;) {
		size_t n = component(&s);

		if (n > NAME_LIMIT)
			return err_set(err, -ENAMETOOLONG,
				"a name in '%.60s…' has more than %d bytes", path, NAME_LIMIT);
		if (n == 2 && dots(s, n))
			return err_set(err, -EINVAL,
				"'%.200s' points out of its directory with '..'", path);
		if (n > 0 && !dots(s, n)) {
			if (at > 0)
				clean[at++] = '/';
			memcpy(clean + at, s, n);
			at += n;
		}
		s += n;
	}
	clean[at] = '\0';
	*ret = move_ptr(&clean);
	return 0;
}

static int make_dir(struct walk *walk, int dir, const char *name, struct err *err)
{
	if (mkdirat(dir, name, 0755) < 0)
		return fs_err(err, dir, "make a directory");
	walk->created++;
	return 0;
}

static bool same_dir(int a, int b)
{
	struct stat sa, sb;

	return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* Opens whatever dir/name is, itself. */
static int open_any(struct walk *walk, int dir, const char *name, bool create, struct err *err)
{
	int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && create) {
		TRY(make_dir(walk, dir, name, err));
		fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(err, "'%s'", name) : fd;
}

/* target + "/" + what is left of the pending path. */
static int expand(int link, const char *rest, char **pending, struct err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof(target));
	char *joined;

	if (n < 0)
		return err_sys(err, "read a link of the layer");
	if ((size_t)n + strlen(rest) + 2 > PENDING_MAX)
		return err_set(err, -ENAMETOOLONG, "links in the layer make a name too long");
	joined = xasprintf("%.*s/%s", (int)n, target, rest);
	free(*pending);
	*pending = joined;
	return target[0] == '/';
}

/* One component of the slow walk: *cur becomes what it leads to, *pending what is left. */
static int slow_step(struct walk *walk, int *cur, char **pending, bool create, struct err *err)
{
	const char *s = *pending;
	size_t n = component(&s);
	autofree char *name = xstrndup(s, n);
	autofree char *rest = xstrdup(s + n);
	autofd int next = -EBADF;
	struct stat st;
	int r;

	if (n == 1 && dots(s, n))
		next = fcntl(*cur, F_DUPFD_CLOEXEC, 0);
	else if (dots(s, n))
		next = same_dir(*cur, walk->root) ? fcntl(*cur, F_DUPFD_CLOEXEC, 0)
						  : open_any(walk, *cur, "..", false, err);
	else
		next = open_any(walk, *cur, name, create, err);
	if (next < 0)
		return next == -1 ? err_sys(err, "walk the layer") : next;
	if (fstat(next, &st) < 0)
		return err_sys(err, "'%s'", name);
	if (S_ISLNK(st.st_mode)) {
		r = expand(next, rest, pending, err);
		TRY(r);
		if (r == 1) {
			fd_drop(cur);
			*cur = fcntl(walk->root, F_DUPFD_CLOEXEC, 0);
		}
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(err, -ENOTDIR, "'%s' is not a directory", name);
	free(*pending);
	*pending = move_ptr(&rest);
	fd_drop(cur);
	*cur = move_fd(&next);
	return 0;
}

/* path[0..len) from the root, links and all. Returns a descriptor that the caller owns. */
static int walk_slow(struct walk *walk, const char *path, size_t len, bool create, struct err *err)
{
	autofree char *pending = xstrndup(path, len);
	autofd int cur = fcntl(walk->root, F_DUPFD_CLOEXEC, 0);
	int links = 0;

	for (;;) {
		const char *s = pending;
		int r;

		if (cur < 0)
			return err_sys(err, "walk the layer");
		if (component(&s) == 0)
			return move_fd(&cur);
		r = slow_step(walk, &cur, &pending, create, err);
		TRY(r);
		links += r;
		if (links > LINKS_MAX)
			return err_set(err, -ELOOP, "too many symbolic links");
	}
}

/* A component that is a plain directory, by far the most frequent case: one call. */
static int fast_step(struct walk *walk, int dir, const char *name, bool create, struct err *err)
{
	int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, name, flags);

	if (fd < 0 && errno == ENOENT && create) {
		TRY(make_dir(walk, dir, name, err));
		fd = openat(dir, name, flags);
	}
	if (fd >= 0)
		return fd;
	return err_sys(err, "'%s'", name);
}

/* One component of a path. */
struct step {
	const char *path, *name;
	size_t len;
	bool create;
};

static int next_dir(struct walk *walk, int dir, const struct step *step, struct err *err)
{
	autofree char *name = xstrndup(step->name, step->len);
	struct err why = ERR_INIT;
	int fd = fast_step(walk, dir, name, step->create, &why);

	if (fd >= 0)
		return fd;
	if (fd == -ENOTDIR || fd == -ELOOP)
		return walk_slow(walk, step->path, (size_t)(step->name - step->path) + step->len,
			step->create, err);
	*err = why;
	return fd;
}

static void walk_push(struct walk *walk, int fd, const char *s, size_t n)
{
	walk->fd[walk->depth] = fd;
	walk->name[walk->depth] = xstrndup(s, n);
	walk->depth++;
}

static bool is_kept(const struct walk *walk, int level, const char *s, size_t n)
{
	return level < walk->depth && strncmp(walk->name[level], s, n) == 0 &&
	       walk->name[level][n] == '\0';
}

int walk_parent(
	struct walk *walk, const char *path, bool create, const char **ret_base, struct err *err)
{
	const char *base = strrchr(path, '/');
	const char *end = base ? base : path;
	const char *s = path;
	int dir = walk->root;
	int level = 0;

	fd_drop(&walk->deep);
	*ret_base = base ? base + 1 : path;
	for (size_t n; s < end && (n = component(&s)) > 0; s += n, level++) {
		int fd;

		if (is_kept(walk, level, s, n)) {
			dir = walk->fd[level];
			continue;
		}
		walk_cut(walk, level < WALK_DEPTH ? level : WALK_DEPTH);
		fd = next_dir(walk, dir, &(struct step){ path, s, n, create }, err);
		TRY(fd);
		if (level < WALK_DEPTH) {
			walk_push(walk, fd, s, n);
		} else {
			fd_drop(&walk->deep);
			walk->deep = fd;
		}
		dir = fd;
	}
	return dir;
}
