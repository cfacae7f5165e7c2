/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image diff: what an image's last layer changed, or how an image differs from another. For two images
 * both are mounted, read-only and where nobody else sees it, and their trees are walked side by side. Files
 * count as the same when kind, mode, owner and contents are; times do not count. Directories around a
 * difference are shown as changed, as in `diff`.
 */
#include "commands/commands.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/own.h"
#include "base/userns.h"
#include "base/xalloc.h"
#include "commands/common.h"
#include "commands/output.h"
#include "image/image.h"
#include "options/verbs.h"
#include "rootfs/rootfs.h"

#define PLACE     "/sys" /* what is mounted over there is not missed here */
#define BLOCK     ((size_t)64 << 10)
#define LIST_MAX  ((size_t)256 << 20)
#define DEPTH_MAX 2000

/* ---- the last layer ---- */

static int last_layer(const struct image *image, const char *name, struct err *err)
{
	struct strv below; /* borrows from image->layers */
	struct rootfs_changes changes = { .layers = &below };
	autofd int dir = -EBADF;
	const char *top;

	if (image->layers.n == 0)
		return 0;
	below = image->layers;
	top = below.v[--below.n];
	dir = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open layer '%s'", top);
	changes.container = dir;
	changes.name = ".";
	return changes_print(&changes, name, err);
}

/* ---- two trees ---- */

struct pair { /* the same directory of both trees; -EBADF: not there */
	int now, then;
	const char *path; /* "" = the root */
	unsigned depth;
};

static void line(struct buf *out, char kind, const char *path)
{
	buf_addf(out, "%c ", kind);
	out_escape(path, out);
	buf_addc(out, '\n');
}

static int same_bytes(int a, int b, struct err *err)
{
	autofree char *x = xmalloc(BLOCK), *y = xmalloc(BLOCK);

	for (off_t at = 0;;) {
		ssize_t n = pread(a, x, BLOCK, at), m;

		if (n < 0)
			return err_sys(err, "read a file");
		m = pread(b, y, BLOCK, at);
		if (m < 0)
			return err_sys(err, "read a file");
		if (n != m || memcmp(x, y, (size_t)n) != 0)
			return 0;
		if (n == 0)
			return 1;
		at += n;
	}
}

static int same_file(const struct pair *in, const char *name, struct err *err)
{
	autofd int a = openat(in->now, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	autofd int b = openat(in->then, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (a < 0 || b < 0)
		return err_sys(err, "open '%s/%s'", in->path, name);
	return same_bytes(a, b, err);
}

static int same_link(const struct pair *in, const char *name, struct err *err)
{
	char a[PATH_MAX], b[PATH_MAX];
	ssize_t n = readlinkat(in->now, name, a, sizeof(a));
	ssize_t m = readlinkat(in->then, name, b, sizeof(b));

	if (n < 0 || m < 0)
		return err_sys(err, "read the link '%s/%s'", in->path, name);
	return n == m && memcmp(a, b, (size_t)n) == 0;
}

/* 1: the same but for what a directory holds. */
static int same(const struct pair *in, const char *name, const struct stat *a, const struct stat *b,
	struct err *err)
{
	if (a->st_mode != b->st_mode || a->st_uid != b->st_uid || a->st_gid != b->st_gid ||
		a->st_rdev != b->st_rdev)
		return 0;
	if (S_ISLNK(a->st_mode))
		return same_link(in, name, err);
	if (!S_ISREG(a->st_mode))
		return 1;
	return a->st_size != b->st_size ? 0 : same_file(in, name, err);
}

static int walk(const struct pair *in, struct buf *out, struct err *err);

static int open_folder(int dir, const char *name, const struct stat *st, struct err *err)
{
	int fd;

	if (!S_ISDIR(st->st_mode)) /* a zeroed one, too */
		return -EBADF;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open the folder '%s'", name) : fd;
}

static int visit(const struct pair *in, const char *name, struct buf *out, struct err *err)
{
	autofree char *path = xasprintf("%s/%s", in->path, name);
	autofd int now = -EBADF, then = -EBADF;
	autobuf struct buf inner = BUF_INIT;
	struct stat a = { 0 }, b = { 0 };
	bool have = in->now >= 0 && fstatat(in->now, name, &a, AT_SYMLINK_NOFOLLOW) == 0;
	bool had = in->then >= 0 && fstatat(in->then, name, &b, AT_SYMLINK_NOFOLLOW) == 0;
	struct pair below = { .path = path, .depth = in->depth + 1 };
	int r;

	if (!have) {
		line(out, 'D', path);
		return 0;
	}
	r = had ? same(in, name, &a, &b, err) : 0;
	TRY(r);
	now = open_folder(in->now, name, &a, err);
	if (now < 0 && now != -EBADF)
		return now;
	then = had ? open_folder(in->then, name, &b, err) : -EBADF;
	if (then < 0 && then != -EBADF)
		return then;
	below.now = now;
	below.then = then;
	if (now >= 0)
		TRY(walk(&below, &inner, err));
	if (r == 0 || inner.len)
		line(out, had ? 'C' : 'A', path);
	if (inner.len)
		buf_add(out, inner.data, inner.len);
	return 0;
}

static int list(int dir, struct strv *ret, struct err *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!stream) {
		(void)err_sys(err, "read a folder");
		if (fd >= 0)
			(void)close(fd);
		return err->code;
	}
	errno = 0;
	while ((e = readdir(stream)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			strv_add(ret, e->d_name);
	if (errno)
		(void)err_sys(err, "read a folder");
	(void)closedir(stream); /* was only read */
	return err->code;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int walk(const struct pair *in, struct buf *out, struct err *err)
{
	autostrv struct strv names = STRV_INIT;
	const char *last = NULL;

	if (in->depth > DEPTH_MAX)
		return err_set(err, -ELOOP, "folders within folders, more than %d deep", DEPTH_MAX);
	if (in->now >= 0)
		TRY(list(in->now, &names, err));
	if (in->then >= 0)
		TRY(list(in->then, &names, err));
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	strv_each (name, &names) {
		if (last && strcmp(last, *name) == 0)
			continue;
		last = *name;
		TRY(visit(in, *name, out, err));
	}
	return 0;
}

/* ---- in a namespace of its own ---- */

struct comparison { /* borrowed */
	const struct image *now, *then;
	int out; /* gets the lines */
};

/* Without layers there is an empty folder. */
static int open_view(const struct strv *layers, const char *target, struct err *err)
{
	int fd;

	if (mkdir(target, 0700) < 0)
		return err_sys(err, "make a folder to mount on");
	if (layers->n)
		TRY(rootfs_view(layers, PLACE "/empty", target, err));
	fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, "open '%s'", target) : fd;
}

static int compare(void *data, struct err *err)
{
	const struct comparison *c = data;
	autofd int now = -EBADF, then = -EBADF;
	autobuf struct buf out = BUF_INIT;
	struct pair top = { .path = "" };
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files); /* deep trees want it, others do not */
	}
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", PLACE, "tmpfs", MS_NODEV | MS_NOSUID, "mode=0700") < 0 ||
		mkdir(PLACE "/empty", 0700) < 0)
		return err_sys(err, "make a place to mount on");
	now = open_view(&c->now->layers, PLACE "/now", err);
	TRY(now);
	then = open_view(&c->then->layers, PLACE "/then", err);
	TRY(then);
	top.now = now;
	top.then = then;
	TRY(walk(&top, &out, err));
	return out.len ? fs_write_all(c->out, out.data, out.len, err) : 0;
}

static int two_images(const struct image *now, const struct image *then, struct err *err)
{
	autofd int fd = memfd_create("sbx-image-diff", MFD_CLOEXEC);
	struct comparison c = { now, then, fd };
	autofree char *path = xasprintf("/proc/self/fd/%d", fd);
	autobuf struct buf out = BUF_INIT;
	autofree char *text = NULL;
	struct idmap map;
	size_t len = 0;

	if (fd < 0)
		return err_sys(err, "memory for the list");
	TRY(idmap_detect(&map, err));
	if (userns_run(&map, CLONE_NEWNS, compare, &c, err) < 0)
		return err_wrap(err, "compare %s and %s", now->ref, then->ref);
	TRY(fs_read_at(AT_FDCWD, path, LIST_MAX, &text, &len, err));
	buf_add(&out, text, len);
	return len ? out_write(&out, err) : 0;
}

int cmd_image_diff(struct globals *globals, int argc, char **argv, struct err *err)
{
	__attribute__((cleanup(names_opts_done))) struct names_opts opts = { .names = STRV_INIT };
	autoimage struct image image = { 0 }, other = { 0 };

	(void)argc;
	TRY(image_diff_opts_parse(argv, &opts, err));
	TRY(image_resolve(globals, opts.names.v[0], &image, err));
	if (opts.names.n == 1)
		return last_layer(&image, opts.names.v[0], err);
	TRY(image_resolve(globals, opts.names.v[1], &other, err));
	return two_images(&image, &other, err);
}
