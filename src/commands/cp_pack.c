/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/cp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/xalloc.h"
#include "commands/tar.h"

#define DEPTH_MAX 256

struct pack {
	const struct cp_source *source;
	int out;
	int depth;
};

struct item { /* one name on disk, and in the archive */
	int dir;
	const char *name;
	const char *path;
	bool follow;
};

bool cp_means_content(const char *path)
{
	size_t n = strlen(path);

	return strcmp(path, ".") == 0 || (n >= 2 && strcmp(path + n - 2, "/.") == 0);
}

char *cp_base(const char *path)
{
	size_t n = strlen(path);
	const char *slash;

	for (;;) {
		if (n > 0 && path[n - 1] == '/')
			n--;
		else if (n >= 2 && path[n - 1] == '.' && path[n - 2] == '/')
			n -= 2;
		else
			break;
	}
	slash = memrchr(path, '/', n);
	if (slash) {
		n -= (size_t)(slash + 1 - path);
		path = slash + 1;
	}
	if (n == 0 || (n == 1 && *path == '.') || (n == 2 && memcmp(path, "..", 2) == 0))
		return xstrdup(".");
	return xstrndup(path, n);
}

static int64_t inside(const struct pack *p, const struct idrange *ranges, unsigned n, uint32_t id)
{
	uint32_t mapped;

	if (!p->source->keep_ids)
		return 0;
	mapped = p->source->map ? idmap_to_inside(ranges, n, id) : id;
	return mapped == UINT32_MAX ? 0 : mapped;
}

static struct tar_entry entry_of(
	const struct pack *p, enum tar_type type, const struct item *item, const struct stat *st)
{
	const struct idmap *map = p->source->map;

	return (struct tar_entry){
		.type = type,
		.path = xasprintf(type == TAR_DIR ? "%s/" : "%s", item->path),
		.size = type == TAR_FILE ? st->st_size : 0,
		.uid = inside(p, map ? map->uid : NULL, map ? map->n_uid : 0, st->st_uid),
		.gid = inside(p, map ? map->gid : NULL, map ? map->n_gid : 0, st->st_gid),
		.mode = st->st_mode & 07777,
		.mtime = st->st_mtim,
	};
}

static int pack_item(struct pack *p, const struct item *item, struct err *err);

/* What the name means may change under us: the type that counts is that of what was opened. */
static int pack_file(struct pack *p, const struct item *item, struct err *err)
{
	autofd int in = openat(item->dir, item->name,
		O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (item->follow ? 0 : O_NOFOLLOW));
	autotarentry struct tar_entry e = { 0 };
	struct stat st;

	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(err, "open '%s'", item->path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EAGAIN, "'%s' changed while it was copied", item->path);
	e = entry_of(p, TAR_FILE, item, &st);
	TRY(tar_write_entry(p->out, &e, err));
	if (tar_write_data(p->out, in, st.st_size, err) < 0)
		return err_wrap(err, "copy '%s'", item->path);
	return 0;
}

static int pack_link(
	struct pack *p, const struct item *item, const struct stat *st, struct err *err)
{
	autotarentry struct tar_entry e = entry_of(p, TAR_SYMLINK, item, st);
	char text[PATH_MAX];
	ssize_t n = readlinkat(item->dir, item->name, text, sizeof(text) - 1);

	if (n < 0)
		return err_sys(err, "read the link '%s'", item->path);
	text[n] = '\0';
	e.link = xstrdup(text);
	return tar_write_entry(p->out, &e, err);
}

static int pack_children(struct pack *p, int dir, const char *path, struct err *err)
{
	int again = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *stream = again < 0 ? NULL : fdopendir(again); /* takes again over */

	if (!stream)
		return err_sys(err, "list '%s'", path);
	for (;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(stream);
		if (!e)
			return errno ? err_sys(err, "list '%s'", path) : 0;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		autofree char *below = xasprintf("%s/%s", path, e->d_name);
		TRY(pack_item(
			p, &(struct item){ .dir = dir, .name = e->d_name, .path = below }, err));
	}
}

static int pack_dir(struct pack *p, const struct item *item, struct err *err)
{
	autofd int dir = openat(item->dir, item->name,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC | (item->follow ? 0 : O_NOFOLLOW));
	autotarentry struct tar_entry e = { 0 };
	struct stat st;
	int r;

	if (dir < 0 || fstat(dir, &st) < 0)
		return err_sys(err, "open '%s'", item->path);
	if (p->depth >= DEPTH_MAX)
		return err_set(err, -ELOOP, "'%s': directories are nested too deeply", item->path);
	e = entry_of(p, TAR_DIR, item, &st);
	TRY(tar_write_entry(p->out, &e, err));
	p->depth++;
	r = pack_children(p, dir, item->path, err);
	p->depth--;
	return r;
}

/* Opening one may hang, and none means anything elsewhere. */
static int skip_special(
	const struct pack *p, const struct item *item, const struct stat *st, struct err *err)
{
	const char *kind = S_ISSOCK(st->st_mode)   ? "socket"
			   : S_ISFIFO(st->st_mode) ? "FIFO"
						   : "device";

	if (p->depth == 0)
		return err_set(err, -EINVAL, "'%s' is a %s: not copied", p->source->path, kind);
	log_msg(LOG_WARN, "'%s' is a %s: not copied", item->path, kind);
	return 0;
}

static int pack_item(struct pack *p, const struct item *item, struct err *err)
{
	struct stat st;

	if (fstatat(item->dir, item->name, &st, item->follow ? 0 : AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT && p->depth > 0)
			return 0; /* removed meanwhile */
		return err_sys(err, "%s", p->depth ? item->path : p->source->path);
	}
	if (S_ISREG(st.st_mode))
		return pack_file(p, item, err);
	if (S_ISDIR(st.st_mode))
		return pack_dir(p, item, err);
	if (S_ISLNK(st.st_mode))
		return pack_link(p, item, &st, err);
	return skip_special(p, item, &st, err);
}

int cp_pack(const struct cp_source *source, int out, struct err *err)
{
	struct pack p = { .source = source, .out = out };
	autofree char *base = cp_base(source->path);
	size_t n = strlen(source->path);
	struct item top = { .dir = AT_FDCWD, .name = source->path, .path = base };

	top.follow = source->follow || cp_means_content(source->path) ||
		     (n > 0 && source->path[n - 1] == '/');
	TRY(pack_item(&p, &top, err));
	return tar_write_end(out, err);
}
